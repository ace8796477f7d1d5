"""The recurrent cells, written as the equations of their papers."""
