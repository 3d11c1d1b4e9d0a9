-- PostgreSQL's functions that DuckDB does not have, or has with other results, and what takes their place; one line each.
-- A comma and parentheses begin the text for another number of arguments.
version() AS sqlprov_version
format_type(a, b) AS (SELECT CASE WHEN z_name = 'numeric' AND b > 0 THEN 'numeric(' || (((b - 4) >> 16) & 65535) || ',' || ((b - 4) & 65535) || ')' ELSE z_long END FROM z_types WHERE z_oid = a)
to_regclass(a) AS (SELECT min(z_oid) FROM z_tables WHERE (replace(a, '"', '') = z_name AND z_schema IN (current_schema(), 'main', 'pg_catalog')) OR replace(a, '"', '') = z_schema || '.' || z_name OR a = z_oid::VARCHAR)
to_regtype(a) AS (SELECT min(z_oid) FROM z_types WHERE lower(replace(replace(a, 'pg_catalog.', ''), '"', '')) IN (z_name, z_long) OR a = z_oid::VARCHAR)
to_regnamespace(a) AS (SELECT min(z_oid) FROM z_schemas WHERE z_name = replace(a, '"', '') OR a = z_oid::VARCHAR)
regclass_name(a) AS (SELECT min(CASE WHEN z_schema IN (current_schema(), 'main', 'pg_catalog') THEN z_name ELSE z_schema || '.' || z_name END) FROM z_tables WHERE z_oid::VARCHAR = a::VARCHAR)
regnamespace_name(a) AS (SELECT min(z_name) FROM z_schemas WHERE z_oid::VARCHAR = a::VARCHAR)
regtype_name(a) AS (SELECT min(z_long) FROM z_types WHERE z_oid::VARCHAR = a::VARCHAR)
pg_get_userbyid(a) AS current_user
pg_table_is_visible(a) AS coalesce((SELECT min(z_schema) FROM z_tables WHERE z_oid = a) IN (current_schema(), 'main', 'pg_catalog'), false)
pg_type_is_visible(a) AS true
pg_function_is_visible(a) AS true
pg_get_expr(a, b) AS NULL::VARCHAR, (a, b, c) AS NULL::VARCHAR
pg_get_constraintdef(a) AS (SELECT 'PRIMARY KEY (' || string_agg(z_name, ', ' ORDER BY z_key) || ')' FROM z_columns WHERE z_table = a - 2000000 AND z_key IS NOT NULL), (a, b) AS (SELECT 'PRIMARY KEY (' || string_agg(z_name, ', ' ORDER BY z_key) || ')' FROM z_columns WHERE z_table = a - 2000000 AND z_key IS NOT NULL)
pg_get_indexdef(a) AS (SELECT 'CREATE UNIQUE INDEX ON ' || (SELECT min(z_schema || '.' || z_name) FROM z_tables WHERE z_oid = a - 1000000) || ' USING btree (' || string_agg(z_name, ', ' ORDER BY z_key) || ')' FROM z_columns WHERE z_table = a - 1000000 AND z_key IS NOT NULL), (a, b, d) AS CASE WHEN b = 0 THEN (SELECT 'CREATE UNIQUE INDEX ON ' || (SELECT min(z_schema || '.' || z_name) FROM z_tables WHERE z_oid = a - 1000000) || ' USING btree (' || string_agg(z_name, ', ' ORDER BY z_key) || ')' FROM z_columns WHERE z_table = a - 1000000 AND z_key IS NOT NULL) ELSE (SELECT min(z_name) FROM z_columns WHERE z_table = a - 1000000 AND z_key = b) END
pg_get_viewdef(a) AS NULL::VARCHAR, (a, b) AS NULL::VARCHAR
pg_get_ruledef(a) AS NULL::VARCHAR, (a, b) AS NULL::VARCHAR
pg_get_triggerdef(a) AS NULL::VARCHAR, (a, b) AS NULL::VARCHAR
pg_get_functiondef(a) AS NULL::VARCHAR
pg_get_function_arguments(a) AS NULL::VARCHAR
pg_get_function_identity_arguments(a) AS NULL::VARCHAR
pg_get_function_result(a) AS NULL::VARCHAR
pg_get_function_sqlbody(a) AS NULL::VARCHAR
pg_get_partkeydef(a) AS NULL::VARCHAR
pg_get_partition_constraintdef(a) AS NULL::VARCHAR
pg_get_serial_sequence(a, b) AS NULL::VARCHAR
pg_get_statisticsobjdef(a) AS NULL::VARCHAR
pg_get_statisticsobjdef_columns(a) AS NULL::VARCHAR
pg_get_replica_identity_index(a) AS NULL::UINTEGER
obj_description(a) AS (SELECT min(z_comment) FROM z_tables WHERE z_oid = a), (a, b) AS CASE b WHEN 'pg_class' THEN (SELECT min(z_comment) FROM z_tables WHERE z_oid = a) WHEN 'pg_namespace' THEN (SELECT min(z_comment) FROM z_schemas WHERE z_oid = a) END
col_description(a, b) AS (SELECT min(z_comment) FROM z_columns WHERE z_table = a AND z_number = b)
shobj_description(a, b) AS NULL::VARCHAR
pg_encoding_to_char(a) AS 'UTF8'
pg_char_to_encoding(a) AS 6
pg_client_encoding() AS 'UTF8'
getdatabaseencoding() AS 'UTF8'
pg_backend_pid() AS 1
pg_is_in_recovery() AS false
pg_is_wal_replay_paused() AS false
pg_current_xact_id() AS 1
pg_current_xact_id_if_assigned() AS NULL::BIGINT
txid_current() AS 1
pg_last_xact_replay_timestamp() AS NULL::TIMESTAMPTZ
pg_postmaster_start_time() AS NULL::TIMESTAMPTZ
set_config(a, b, c) AS b
has_table_privilege(a, b) AS true, (a, b, c) AS true
has_column_privilege(a, b, c) AS true, (a, b, c, d) AS true
has_any_column_privilege(a, b) AS true, (a, b, c) AS true
has_schema_privilege(a, b) AS true, (a, b, c) AS true
has_database_privilege(a, b) AS true, (a, b, c) AS true
has_function_privilege(a, b) AS true, (a, b, c) AS true
has_sequence_privilege(a, b) AS true, (a, b, c) AS true
has_type_privilege(a, b) AS true, (a, b, c) AS true
has_tablespace_privilege(a, b) AS true, (a, b, c) AS true
has_language_privilege(a, b) AS true, (a, b, c) AS true
pg_has_role(a, b) AS true, (a, b, c) AS true
row_security_active(a) AS false
pg_relation_size(a) AS 0::BIGINT, (a, b) AS 0::BIGINT
pg_table_size(a) AS 0::BIGINT
pg_indexes_size(a) AS 0::BIGINT
pg_total_relation_size(a) AS 0::BIGINT
pg_database_size(a) AS 0::BIGINT
pg_tablespace_size(a) AS 0::BIGINT
pg_tablespace_location(a) AS ''
pg_relation_filenode(a) AS 0::UINTEGER
pg_relation_is_publishable(a) AS false
pg_relation_is_updatable(a, b) AS 28
pg_column_is_updatable(a, b, c) AS true
pg_index_column_has_property(a, b, c) AS false
pg_indexam_has_property(a, b) AS true
pg_stat_get_numscans(a) AS 0::BIGINT
pg_options_to_table(a) AS NULL
pg_listening_channels() AS NULL::VARCHAR
pg_cancel_backend(a) AS false
pg_terminate_backend(a) AS false, (a, b) AS false
pg_advisory_unlock_all() AS NULL
pg_try_advisory_lock(a) AS true
inet_server_addr() AS NULL::VARCHAR
inet_server_port() AS NULL::INTEGER
inet_client_addr() AS NULL::VARCHAR
inet_client_port() AS NULL::INTEGER
quote_ident(a) AS CASE WHEN regexp_full_match(a, '[a-z_][a-z0-9_$]*') THEN a ELSE '"' || replace(a, '"', '""') || '"' END
quote_literal(a) AS '''' || replace(a::VARCHAR, '''', '''''') || ''''
quote_nullable(a) AS coalesce('''' || replace(a::VARCHAR, '''', '''''') || '''', 'NULL')
array_upper(a, b) AS len(a)
array_lower(a, b) AS CASE WHEN len(a) > 0 THEN 1 END
_pg_expandarray(a) AS unnest(list_transform(a, lambda x, i: {'x': x, 'n': i}))
_pg_truetypid(a, b) AS a.atttypid
_pg_truetypmod(a, b) AS a.atttypmod
_pg_char_max_length(a, b) AS NULL::INTEGER
_pg_numeric_precision(a, b) AS NULL::INTEGER
_pg_numeric_scale(a, b) AS NULL::INTEGER
_pg_datetime_precision(a, b) AS NULL::INTEGER
acldefault(a, b) AS NULL::VARCHAR[]
aclexplode(a) AS NULL
makeaclitem(a, b, c, d) AS NULL::VARCHAR
current_setting(a) AS (SELECT min(z_value) FROM z_settings WHERE z_name = a), (a, b) AS (SELECT min(z_value) FROM z_settings WHERE z_name = a)
pg_statistics_obj_is_visible(a) AS true
pg_operator_is_visible(a) AS true
pg_get_keywords() AS SELECT keyword_name AS word, upper(left(keyword_category, 1)) AS catcode, NULL AS catdesc FROM duckdb_keywords()
age(a) AS a - a
parse_ident(a) AS string_split(replace(a, '"', ''), '.')
