(class name: [(constant) @name (scope_resolution name: (constant) @name)] body: (_) @body) @definition.class
(class name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.class
(module name: [(constant) @name (scope_resolution name: (constant) @name)] body: (_) @body) @definition.module
(module name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.module
(method name: (_) @name body: (_) @body) @definition.function
(method name: (_) @name) @definition.function
(singleton_method name: (_) @name body: (_) @body) @definition.function
(singleton_method name: (_) @name) @definition.function
(assignment left: (constant) @name) @definition.constant
((call method: (identifier) @_attribute arguments: (argument_list (simple_symbol) @name)) @definition.field
  (#match? @_attribute "^attr_(reader|writer|accessor)$"))

(call method: (identifier) @call)
(call method: (constant) @call)
(superclass [(constant) @base (scope_resolution name: (constant) @base)])
((call method: (identifier) @_include arguments: (argument_list [(constant) @base (scope_resolution name: (constant) @base)]))
  (#match? @_include "^(include|extend|prepend)$"))
(constant) @reference

((call !receiver method: (identifier) @_require arguments: (argument_list . (string (string_content) @import)))
  (#match? @_require "^(require|load)$"))
((call !receiver method: (identifier) @_autoload arguments: (argument_list . (_) . (string (string_content) @import)))
  (#eq? @_autoload "autoload"))
((call !receiver method: (identifier) @_relative arguments: (argument_list . (string (string_content) @import.near)))
  (#eq? @_relative "require_relative"))
