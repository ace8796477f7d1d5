"""Documents with texts to translate: PO, TMX, XLIFF and SRT files."""
