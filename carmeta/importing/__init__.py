"""From what people have to drafts of study records.

A source (a sheet, a RevMan or Covidence file, references) becomes tables of text with the place
of every value; a mapping says what each column holds; what is read by it becomes drafts. What
cannot be carried over is listed.
"""
