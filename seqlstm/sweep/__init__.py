"""One recipe in many forms and seeds: trained, compared, and told in a table and a picture."""
