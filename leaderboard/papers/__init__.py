"""What a paper takes from recorded searches: figures, tables, references, a paragraph of methods.

Every number is one of a board, and every word follows from the records: nothing is typed in.
"""
