"""Files that finance officers load: read, checked to the cell, written whole, undone whole.

``columns`` declares what each kind of file holds; everything else follows from it.
"""
