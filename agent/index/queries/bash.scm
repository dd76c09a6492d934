(function_definition name: (word) @name body: (_) @body) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.variable)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @definition.variable)

(command name: (command_name (word) @call))
((command name: (command_name (word) @_source) . argument: [
  (word) @import
  (raw_string) @import
  (string (string_content) @import .)
  (concatenation (word) @import .)])
  (#match? @_source "^(source|\\.)$"))
