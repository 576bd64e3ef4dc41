"""Words that DuckDB, Spark under ANSI or Trino keep for themselves; as names they are quoted."""

_WORDS = """
all alter analyse analyze and anti any array as asc asof asymmetric at authorization between binary both by
case cast check collate collation column columns concurrently constraint create cross cube current
current_catalog current_date current_path current_role current_schema current_time current_timestamp
current_user date day deallocate default deferrable delete desc describe distinct do drop else end escape
except exclude execute exists external extract false fetch filter for foreign freeze from full function
generated glob global grant group grouping having hour ilike in initially inner insert intersect interval
into is isnull join json_array json_exists json_object json_query json_table json_value lambda lateral
leading left like limit listagg local localtime localtimestamp map minus minute month natural no normalize
not notnull null of offset on only or order out outer overlaps partition pivot pivot_longer pivot_wider
placing position positional prepare primary qualify range recursive references returning revoke right rollup
row rows second select semi session_user set show similar skip some start struct summarize symmetric table
tablesample then time timestamp to trailing trim true truncate try_cast uescape union unique unknown unnest
unpack unpivot update user using values variadic verbose when where window with within without year
"""
RESERVED = frozenset(_WORDS.split())
