"""What an analyst's query may call and read: names on a list, all else is refused.

A list of what is allowed, not of what is forbidden, because DuckDB adds functions with each version, and among the 900
of version 2.0 are some that read raw pointers (`arrow_scan`), run SQL out of a text (`query`,
`json_execute_serialized_sql`), write files (`enable_logging`), tell paths (`current_setting`) or take any amount of
memory in one call that no interrupt reaches (`repeat('x', 2000000000)`: 14 s).
"""

from __future__ import annotations

from typing import Final

TABLE_FUNCTIONS: Final = frozenset({"generate_series", "json_each", "range", "unnest"})

INFORMATION_TABLES: Final = frozenset({"columns", "tables"})
"""Of `information_schema`: the names of what is here. The other catalog views tell paths and settings."""

_AGGREGATES: Final = """
any_value approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_min arg_min_null
array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if count_star countif covar_pop covar_samp
entropy favg first fsum geomean geometric_mean group_concat histogram kahan_sum kurtosis last list
listagg mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc regr_avgx regr_avgy
regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness stddev
stddev_pop stddev_samp string_agg sum sumkahan var_pop var_samp variance wavg weighted_avg
cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
"""

_TIMES: Final = """
age ago century date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms epoch_ns epoch_us era get_current_timestamp hour
isodow isoyear julian last_day make_date make_time make_timestamp make_timestamp_ms make_timestamptz microsecond
millennium millisecond minute month monthname nanosecond now quarter second strftime strptime time_bucket timezone
timezone_hour timezone_minute to_centuries to_days to_decades to_hours to_microseconds to_millennia to_milliseconds
to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today transaction_timestamp try_strptime
week weekday weekofyear year yearweek current_date current_localtime current_localtimestamp
"""

_NUMBERS: Final = """
abs acos add asin atan atan2 bit_count cbrt ceil ceiling cos cot degrees divide even exp fdiv floor fmod gcd greatest
greatest_common_divisor isfinite isinf isnan lcm least least_common_multiple ln log log10 log2 mod multiply nextafter
pi pow power radians random round round_even roundbankers sign signbit sin sqrt subtract tan trunc xor
"""

_TEXTS: Final = """
ascii base64 bit_length char_length character_length chr concat concat_ws contains decode encode ends_with
format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_hex hash hex ilike_escape instr lcase left
length len like_escape lower lpad ltrim md5 nfc_normalize not_ilike_escape not_like_escape octet_length ord overlay
position prefix regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_split_to_array
replace reverse right rpad rtrim sha1 sha256 split split_part starts_with str_split string_split string_to_array
strip_accents strlen strpos substr substring suffix to_base64 to_hex translate trim ucase unhex unicode upper
"""

_NESTED: Final = """
array_aggr array_aggregate array_append array_apply array_concat array_contains array_distinct array_extract
array_filter array_has array_has_all array_has_any array_length array_position array_prepend array_reverse array_select
array_slice array_sort array_to_json array_to_string array_transform array_unique array_value cardinality
constant_or_null element_at error filter flatten from_json if in_search_path json json_array json_array_length
json_contains json_exists json_extract json_extract_path json_extract_path_text json_extract_string json_keys
json_object json_quote json_type json_valid json_value list_aggr list_aggregate list_any_value list_append list_apply
list_avg list_cat list_concat list_contains list_count list_distinct list_element list_extract list_filter list_first
list_has list_has_all list_has_any list_indexof list_last list_max list_median list_min list_mode list_pack
list_position list_prepend list_product list_reduce list_reverse list_reverse_sort list_select list_slice list_sort
list_sum list_transform list_unique list_value list_where list_zip map map_contains map_contains_value map_entries
map_extract map_extract_value map_from_entries map_keys map_values nullif pg_typeof row row_to_json struct_concat
struct_contains struct_extract struct_extract_at struct_insert struct_keys struct_pack struct_values to_json typeof
unnest unpivot_list
"""

FUNCTIONS: Final = frozenset(" ".join((_AGGREGATES, _TIMES, _NUMBERS, _TEXTS, _NESTED)).split())
"""Scalar, aggregate and window functions by name, in lower case. Operators are allowed all."""
