"""What a view does to relations: rows from lists, one step after the other, and the columns at the end."""
