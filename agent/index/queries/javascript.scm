(class_declaration name: (identifier) @name body: (_) @body) @definition.class
(export_statement declaration: (class_declaration name: (identifier) @name)) @definition.class
(field_definition property: (_) @name) @definition.field
(class_heritage (identifier) @base)
(jsx_opening_element name: (identifier) @call)
(jsx_self_closing_element name: (identifier) @call)
(class_heritage (member_expression property: (property_identifier) @base))
