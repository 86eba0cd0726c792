"""Tables: a row is a sample, a column what is known of it. Read (`read`), described (`columns`, `target`, `described`).

described = describe_table(DataSpec(name="table", path="penguins.csv", target="species"))
described.contents.shape, described.columns
"""
