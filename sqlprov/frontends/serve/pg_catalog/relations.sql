-- Rows of PostgreSQL's relations, each after a line with its name. A column that a query leaves out is NULL.
-- They read four tables: _schemas (oid, name, comment), _tables (oid, schema_oid, name, kind, comment),
-- _columns (table_oid, number, name, type_oid, modifier, is_required, comment, key) and _types (PostgreSQL's types);
-- `key` is the place of a column in its table's key, from 1.

-- pg_catalog.pg_namespace
SELECT oid, name AS nspname, 10 AS nspowner FROM _schemas

-- pg_catalog.pg_class
SELECT oid, name AS relname, schema_oid AS relnamespace, 0 AS reltype, 0 AS reloftype, 10 AS relowner, 2 AS relam,
    0 AS relfilenode, 0 AS reltablespace, 0 AS relpages, -1 AS reltuples, 0 AS relallvisible, 0 AS reltoastrelid,
    kind = 'r' AND schema_oid > 20000 AS relhasindex, false AS relisshared, 'p' AS relpersistence, kind AS relkind,
    0 AS relnatts, 0 AS relchecks, false AS relhasrules, false AS relhastriggers, false AS relhassubclass,
    false AS relrowsecurity, false AS relforcerowsecurity, true AS relispopulated, 'd' AS relreplident,
    false AS relispartition, 0 AS relrewrite
FROM _tables

-- pg_catalog.pg_class_indexes
UNION ALL BY NAME
SELECT c.table_oid + 1000000 AS oid, any_value(t.name) || '_pkey' AS relname, any_value(t.schema_oid) AS relnamespace,
    10 AS relowner, 403 AS relam, 'p' AS relpersistence, 'i' AS relkind, 0 AS reltablespace, 0 AS relpages,
    -1 AS reltuples, true AS relispopulated, 'n' AS relreplident, false AS relispartition
FROM _columns AS c JOIN _tables AS t ON t.oid = c.table_oid WHERE c.key IS NOT NULL GROUP BY c.table_oid

-- pg_catalog.pg_attribute
SELECT c.table_oid AS attrelid, c.name AS attname, c.type_oid AS atttypid, 0 AS attstattarget, t.size AS attlen,
    c.number AS attnum, 0 AS attndims, -1 AS attcacheoff, c.modifier AS atttypmod, t.by_value AS attbyval,
    t.alignment AS attalign, t.storage AS attstorage, '' AS attcompression, c.is_required AS attnotnull,
    false AS atthasdef, false AS atthasmissing, '' AS attidentity, '' AS attgenerated, false AS attisdropped,
    true AS attislocal, 0 AS attinhcount, t."collation" AS attcollation
FROM _columns AS c JOIN _types AS t ON t.oid = c.type_oid

-- pg_catalog.pg_type
SELECT oid, name AS typname, 11 AS typnamespace, 10 AS typowner, size AS typlen, by_value AS typbyval, kind AS typtype,
    category AS typcategory, is_preferred AS typispreferred, true AS typisdefined, delimiter AS typdelim, 0 AS typrelid,
    CASE WHEN category = 'A' THEN 'array_subscript_handler' ELSE '-' END AS typsubscript,
    element AS typelem, "array" AS typarray, input AS typinput, output AS typoutput, receive AS typreceive,
    send AS typsend, '-' AS typmodin, '-' AS typmodout, '-' AS typanalyze, alignment AS typalign, storage AS typstorage,
    false AS typnotnull, 0 AS typbasetype, -1 AS typtypmod, 0 AS typndims, "collation" AS typcollation
FROM _types

-- pg_catalog.pg_index
SELECT table_oid + 1000000 AS indexrelid, table_oid AS indrelid, count(*) AS indnatts, count(*) AS indnkeyatts,
    true AS indisunique, false AS indnullsnotdistinct, true AS indisprimary, false AS indisexclusion,
    true AS indimmediate, false AS indisclustered, true AS indisvalid, false AS indcheckxmin, true AS indisready,
    true AS indislive, false AS indisreplident, array_agg(number ORDER BY key) AS indkey,
    array_agg(0 ORDER BY key) AS indcollation, array_agg(0 ORDER BY key) AS indclass,
    array_agg(0 ORDER BY key) AS indoption
FROM _columns WHERE key IS NOT NULL GROUP BY table_oid

-- pg_catalog.pg_constraint
SELECT table_oid + 2000000 AS oid, t.name || '_pkey' AS conname, t.schema_oid AS connamespace, 'p' AS contype,
    false AS condeferrable, false AS condeferred, true AS convalidated, table_oid AS conrelid, 0 AS contypid,
    table_oid + 1000000 AS conindid, 0 AS conparentid, 0 AS confrelid, ' ' AS confupdtype, ' ' AS confdeltype,
    ' ' AS confmatchtype, true AS conislocal, 0 AS coninhcount, true AS connoinherit,
    array_agg(number ORDER BY key) AS conkey
FROM _columns AS c JOIN _tables AS t ON t.oid = c.table_oid WHERE key IS NOT NULL GROUP BY table_oid, t.name, schema_oid

-- pg_catalog.pg_description
SELECT oid AS objoid, 1259 AS classoid, 0 AS objsubid, comment AS description FROM _tables WHERE comment IS NOT NULL
UNION ALL SELECT oid, 2615, 0, comment FROM _schemas WHERE comment IS NOT NULL
UNION ALL SELECT table_oid, 1259, number, comment FROM _columns WHERE comment IS NOT NULL

-- pg_catalog.pg_database
SELECT (16384 + number)::UINTEGER AS oid, name AS datname, 10 AS datdba, 6 AS encoding, 'c' AS datlocprovider,
    false AS datistemplate, true AS datallowconn, -1 AS datconnlimit, 726 AS datfrozenxid, 1 AS datminmxid,
    1663 AS dattablespace, 'C' AS datcollate, 'C' AS datctype
FROM (SELECT 0 AS number, current_database() AS name)

-- pg_catalog.pg_tables
SELECT s.name AS schemaname, t.name AS tablename, current_user AS tableowner, true AS hasindexes, false AS hasrules,
    false AS hastriggers, false AS rowsecurity
FROM _tables AS t JOIN _schemas AS s ON s.oid = t.schema_oid WHERE t.kind = 'r'

-- pg_catalog.pg_views
SELECT s.name AS schemaname, t.name AS viewname, current_user AS viewowner
FROM _tables AS t JOIN _schemas AS s ON s.oid = t.schema_oid WHERE t.kind = 'v'

-- pg_catalog.pg_roles
SELECT 10 AS oid, current_user AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole,
    false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication, -1 AS rolconnlimit, '********' AS rolpassword,
    false AS rolbypassrls

-- pg_catalog.pg_authid
SELECT 10 AS oid, current_user AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole,
    false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication, false AS rolbypassrls, -1 AS rolconnlimit

-- pg_catalog.pg_user
SELECT current_user AS usename, 10 AS usesysid, false AS usecreatedb, false AS usesuper, false AS userepl,
    false AS usebypassrls, '********' AS passwd

-- pg_catalog.pg_settings
SELECT name AS name, value AS setting, 'sqlprov' AS category, 'user' AS context, 'string' AS vartype, 'default' AS source,
    value AS boot_val, value AS reset_val, false AS pending_restart, '' AS short_desc
FROM _settings

-- pg_catalog.pg_am
SELECT * FROM (VALUES (2, 'heap', 'heap_tableam_handler', 't'), (403, 'btree', 'bthandler', 'i'))
    AS a (oid, amname, amhandler, amtype)

-- pg_catalog.pg_tablespace
SELECT 1663 AS oid, 'pg_default' AS spcname, 10 AS spcowner

-- pg_catalog.pg_language
SELECT * FROM (VALUES (12, 'internal', 10, false, false), (14, 'sql', 10, false, true))
    AS l (oid, lanname, lanowner, lanispl, lanpltrusted)

-- pg_catalog.pg_collation
SELECT * FROM (VALUES (100, 'default', 11, 10, 'd', true, -1), (950, 'C', 11, 10, 'c', true, -1))
    AS c (oid, collname, collnamespace, collowner, collprovider, collisdeterministic, collencoding)

-- information_schema.schemata
SELECT current_database() AS catalog_name, name AS schema_name, current_user AS schema_owner FROM _schemas

-- information_schema.tables
SELECT current_database() AS table_catalog, s.name AS table_schema, t.name AS table_name,
    CASE t.kind WHEN 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type,
    CASE t.kind WHEN 'v' THEN 'NO' ELSE 'YES' END AS is_insertable_into, 'NO' AS is_typed
FROM _tables AS t JOIN _schemas AS s ON s.oid = t.schema_oid

-- information_schema.views
SELECT current_database() AS table_catalog, s.name AS table_schema, t.name AS table_name, 'NONE' AS check_option,
    'NO' AS is_updatable, 'NO' AS is_insertable_into
FROM _tables AS t JOIN _schemas AS s ON s.oid = t.schema_oid WHERE t.kind = 'v'

-- information_schema.columns
SELECT current_database() AS table_catalog, s.name AS table_schema, t.name AS table_name, c.name AS column_name,
    c.number AS ordinal_position, CASE WHEN c.is_required THEN 'NO' ELSE 'YES' END AS is_nullable,
    CASE y.category WHEN 'A' THEN 'ARRAY' ELSE y.long_name END AS data_type,
    CASE y.name WHEN 'int2' THEN 16 WHEN 'int4' THEN 32 WHEN 'int8' THEN 64 WHEN 'float4' THEN 24 WHEN 'float8' THEN 53
        WHEN 'numeric' THEN CASE WHEN c.modifier > 0 THEN ((c.modifier - 4) >> 16) & 65535 END END AS numeric_precision,
    CASE WHEN y.name IN ('int2', 'int4', 'int8') THEN 0
        WHEN y.name = 'numeric' AND c.modifier > 0 THEN (c.modifier - 4) & 65535 END AS numeric_scale,
    CASE WHEN y.category = 'D' THEN 6 END AS datetime_precision,
    current_database() AS udt_catalog, 'pg_catalog' AS udt_schema, y.name AS udt_name,
    c.number::VARCHAR AS dtd_identifier, 'NO' AS is_self_referencing, 'NO' AS is_identity, 'NEVER' AS is_generated,
    'YES' AS is_updatable
FROM _columns AS c JOIN _tables AS t ON t.oid = c.table_oid JOIN _schemas AS s ON s.oid = t.schema_oid
JOIN _types AS y ON y.oid = c.type_oid

-- information_schema.table_constraints
SELECT current_database() AS constraint_catalog, s.name AS constraint_schema, t.name || '_pkey' AS constraint_name,
    current_database() AS table_catalog, s.name AS table_schema, t.name AS table_name,
    'PRIMARY KEY' AS constraint_type, 'NO' AS is_deferrable, 'NO' AS initially_deferred, 'YES' AS enforced
FROM (SELECT DISTINCT table_oid FROM _columns WHERE key IS NOT NULL) AS k
JOIN _tables AS t ON t.oid = k.table_oid JOIN _schemas AS s ON s.oid = t.schema_oid

-- information_schema.key_column_usage
SELECT current_database() AS constraint_catalog, s.name AS constraint_schema, t.name || '_pkey' AS constraint_name,
    current_database() AS table_catalog, s.name AS table_schema, t.name AS table_name, c.name AS column_name,
    c.key AS ordinal_position
FROM _columns AS c JOIN _tables AS t ON t.oid = c.table_oid JOIN _schemas AS s ON s.oid = t.schema_oid
WHERE c.key IS NOT NULL

-- information_schema.constraint_column_usage
SELECT current_database() AS table_catalog, s.name AS table_schema, t.name AS table_name, c.name AS column_name,
    current_database() AS constraint_catalog, s.name AS constraint_schema, t.name || '_pkey' AS constraint_name
FROM _columns AS c JOIN _tables AS t ON t.oid = c.table_oid JOIN _schemas AS s ON s.oid = t.schema_oid
WHERE c.key IS NOT NULL

-- information_schema.information_schema_catalog_name
SELECT current_database() AS catalog_name

-- information_schema.enabled_roles
SELECT current_user AS role_name

-- information_schema.character_sets
SELECT 'UTF8' AS character_set_name, 'UCS' AS character_repertoire, 'UTF8' AS form_of_use
