(create_table (object_reference name: (identifier) @name) (column_definitions) @body) @definition.table
(create_table (object_reference name: (identifier) @name)) @definition.table
(create_view (object_reference name: (identifier) @name)) @definition.view
(create_materialized_view (object_reference name: (identifier) @name)) @definition.view
(create_function (keyword_function) . (object_reference name: (identifier) @name) (function_body) @body) @definition.function
(create_procedure (keyword_procedure) . (object_reference name: (identifier) @name)) @definition.procedure
(create_trigger (keyword_trigger) . (object_reference name: (identifier) @name)) @definition.trigger
(create_type (object_reference name: (identifier) @name)) @definition.type
(create_schema (identifier) @name) @definition.schema
(create_sequence (object_reference name: (identifier) @name)) @definition.sequence
(create_index column: (identifier) @name) @definition.index
(column_definition name: (identifier) @name) @definition.column

(relation (object_reference name: (identifier) @reference))
(insert (object_reference name: (identifier) @reference))
(update (relation (object_reference name: (identifier) @reference)))
(create_index (object_reference name: (identifier) @reference))
(alter_table (object_reference name: (identifier) @reference))
(column_definition (object_reference name: (identifier) @reference))
(invocation (object_reference name: (identifier) @call))
