// Definition queries per grammar. The capture's name is the kind; `scope` only lends its name to
// what is inside it. `@name` is the name, `@owner` the type a free-standing method belongs to.
import type { Grammar } from "../tree/languages.ts";

const javascript = `
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(class_declaration name: (_) @name) @class
(method_definition name: (_) @name) @method
(program (lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function)))
(program (lexical_declaration (variable_declarator name: (identifier) @name) @constant))
(program (variable_declaration (variable_declarator name: (identifier) @name) @variable))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @constant)))
(assignment_expression left: (member_expression property: (_) @name) right: [(function_expression) (arrow_function)]) @function
`;

const typescript = `
${javascript.replaceAll("(class_declaration name: (_) @name) @class", "[(class_declaration name: (_) @name) (abstract_class_declaration name: (_) @name)] @class")}
(interface_declaration name: (_) @name) @type
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name) @type
(internal_module name: (_) @name) @module
(function_signature name: (identifier) @name) @function
(abstract_method_signature name: (_) @name) @method
(class_body (public_field_definition name: (_) @name value: (arrow_function)) @method)
`;

const python = `
(module (function_definition name: (identifier) @name) @function)
(module (decorated_definition definition: (function_definition name: (identifier) @name)) @function)
(class_definition name: (identifier) @name) @class
(class_definition body: (block (function_definition name: (identifier) @name) @method))
(class_definition body: (block (decorated_definition definition: (function_definition name: (identifier) @name)) @method))
(function_definition body: (block (function_definition name: (identifier) @name) @function))
(module (if_statement (block (function_definition name: (identifier) @name) @function)))
(module (expression_statement (assignment left: (identifier) @name) @variable))
`;

const go = `
(function_declaration name: (identifier) @name) @function
(method_declaration receiver: (parameter_list (parameter_declaration type: [(type_identifier) @owner (pointer_type (type_identifier) @owner) (generic_type type: (type_identifier) @owner) (pointer_type (generic_type type: (type_identifier) @owner))])) name: (field_identifier) @name) @method
(type_spec name: (type_identifier) @name type: (struct_type)) @class
(type_spec name: (type_identifier) @name) @type
(type_alias name: (type_identifier) @name) @type
(source_file (const_declaration (const_spec name: (identifier) @name) @constant))
(source_file (var_declaration (var_spec name: (identifier) @name) @variable))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @name) @variable)))
`;

const rust = `
(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @method
(struct_item name: (type_identifier) @name) @class
(enum_item name: (type_identifier) @name) @type
(union_item name: (type_identifier) @name) @type
(trait_item name: (type_identifier) @name) @type
(type_item name: (type_identifier) @name) @type
(mod_item name: (identifier) @name body: (_)) @module
(macro_definition name: (identifier) @name) @function
(const_item name: (identifier) @name) @constant
(static_item name: (identifier) @name) @constant
(impl_item type: [(type_identifier) @name (generic_type type: (type_identifier) @name)]) @scope
`;

const java = `
(class_declaration name: (identifier) @name) @class
(record_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @type
(annotation_type_declaration name: (identifier) @name) @type
(enum_declaration name: (identifier) @name) @type
(method_declaration name: (identifier) @name) @method
(constructor_declaration name: (identifier) @name) @method
(class_body (field_declaration (modifiers) declarator: (variable_declarator name: (identifier) @name)) @variable)
`;

const cpp = `
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @function
(function_definition declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @function
(function_definition declarator: (function_declarator declarator: (field_identifier) @name)) @method
(function_definition declarator: (_ (function_declarator declarator: (qualified_identifier scope: (_) @owner name: (_) @name)))) @method
(function_definition declarator: (function_declarator declarator: (qualified_identifier scope: (_) @owner name: (_) @name))) @method
(field_declaration declarator: (function_declarator declarator: (field_identifier) @name)) @method
(translation_unit (declaration declarator: (function_declarator declarator: (identifier) @name)) @function)
(class_specifier name: (type_identifier) @name body: (_)) @class
(struct_specifier name: (type_identifier) @name body: (_)) @class
(enum_specifier name: (type_identifier) @name body: (_)) @type
(union_specifier name: (type_identifier) @name body: (_)) @type
(type_definition declarator: (type_identifier) @name) @type
(alias_declaration name: (type_identifier) @name) @type
(namespace_definition name: (namespace_identifier) @name) @module
(preproc_function_def name: (identifier) @name) @function
(preproc_def name: (identifier) @name) @constant
`;

const csharp = `
(class_declaration name: (identifier) @name) @class
(struct_declaration name: (identifier) @name) @class
(record_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @type
(enum_declaration name: (identifier) @name) @type
(delegate_declaration name: (identifier) @name) @type
(method_declaration name: (identifier) @name) @method
(constructor_declaration name: (identifier) @name) @method
(property_declaration name: (identifier) @name) @variable
(namespace_declaration name: (_) @name) @scope
(local_function_statement name: (identifier) @name) @function
`;

const ruby = `
(class name: [(constant) @name (scope_resolution name: (_) @name)]) @class
(module name: [(constant) @name (scope_resolution name: (_) @name)]) @module
(method name: (_) @name) @method
(singleton_method name: (_) @name) @method
(assignment left: (constant) @name) @constant
`;

const php = `
(class_declaration name: (name) @name) @class
(interface_declaration name: (name) @name) @type
(trait_declaration name: (name) @name) @type
(enum_declaration name: (name) @name) @type
(method_declaration name: (name) @name) @method
(function_definition name: (name) @name) @function
(const_declaration (const_element (name) @name)) @constant
`;

const bash = `
(function_definition name: (word) @name) @function
`;

export const definitionQueries: Readonly<Record<Grammar, string>> = {
  javascript,
  typescript,
  tsx: typescript,
  python,
  go,
  rust,
  java,
  cpp,
  "c-sharp": csharp,
  ruby,
  php,
  bash,
};
