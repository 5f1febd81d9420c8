# The part of a module system that is needed to check modules: imports, a recursive `config`,
# priorities, conditions, merging by type. Options are declared in a table, whose leaves are
# `{ type, ... }`; below `any`, all names are allowed. Modules can declare more. Defining an option
# that is not declared is an error, and so is a value of another type.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatLists
    concatMap
    concatStringsSep
    filter
    foldl'
    head
    isAttrs
    isFunction
    isList
    length
    map
    typeOf
    ;

  showPath = concatStringsSep ".";
  isOption = node: node ? type && builtins.isString node.type;
  isPackage = value: isAttrs value && (value.type or null) == "derivation";
  isWrapper = value: isAttrs value && value ? _type;

  # The definitions and the declarations of a module and of all its imports.
  collect =
    arguments: module:
    let
      loaded = if builtins.isPath module || builtins.isString module then import module else module;
      content = if isFunction loaded then loaded arguments else loaded;
      own = removeAttrs content [
        "imports"
        "_file"
        "key"
      ];
    in
    [
      {
        definitions = own.config or (removeAttrs own [ "options" ]);
        declarations = own.options or { };
      }
    ]
    ++ concatMap (collect arguments) (content.imports or [ ]);

  # The definitions at `path` in `value`, the content of a module: values with their priorities.
  definitionsAt =
    priority: value: path:
    if isWrapper value && value._type == "merge" then
      concatMap (content: definitionsAt priority content path) value.contents
    else if isWrapper value && value._type == "if" then
      if value.condition then definitionsAt priority value.content path else [ ]
    else if isWrapper value && value._type == "override" then
      definitionsAt value.priority value.content path
    else if path == [ ] then
      [ { inherit priority value; } ]
    else if isAttrs value && value ? ${head path} then
      definitionsAt priority value.${head path} (lib.drop 1 path)
    else
      [ ];

  accepts = {
    bool = value: typeOf value == "bool";
    int = value: typeOf value == "int";
    str = value: typeOf value == "string" || isPackage value || typeOf value == "path";
    nullOrStr = value: value == null || accepts.str value;
    lines = value: typeOf value == "string";
    list = isList;
    package = isPackage;
    attrs = isAttrs;
    function = isFunction;
    scriptOrFunction = value: accepts.lines value || isFunction value;
    module = value: isAttrs value || isFunction value || typeOf value == "path";
    raw = _: true;
  };

  # Attributes that more than one module sets are merged, lists joined.
  mergeDeep =
    values:
    if builtins.all (value: isAttrs value && !isPackage value) values then
      lib.genAttrs (lib.unique (concatMap attrNames values)) (
        name: mergeDeep (concatMap (value: if value ? ${name} then [ value.${name} ] else [ ]) values)
      )
    else if builtins.all isList values then
      concatLists values
    else
      foldl' (a: b: if a == b then a else throw "conflicting definitions") (head values) values;

  merge =
    path: option: definitions:
    let
      strongest = foldl' (least: d: lib.min least d.priority) 1500 definitions;
      values = map (d: d.value) (filter (d: d.priority == strongest) definitions);
      wrong = filter (value: !accepts.${option.type} value) values;
    in
    if definitions == [ ] then
      option.default or (throw "The option `${showPath path}' was accessed but has no value defined.")
    else if wrong != [ ] then
      throw "A definition for option `${showPath path}' is not of type `${option.type}'."
    else if option.type == "list" then
      concatLists values
    else if option.type == "lines" then
      concatStringsSep "\n" values
    else if option.type == "attrs" then
      mergeDeep values
    else if option.type == "module" then
      values
    else if length values == 1 then
      head values
    else
      foldl' (
        a: b: if a == b then a else throw "The option `${showPath path}' has conflicting definition values."
      ) (head values) values;

  configFrom =
    modules: path: node:
    if isOption node then
      (node.apply or (_: value: value)) path (
        merge path node (concatMap (module: definitionsAt 100 module path) modules)
      )
    else if node ? any then
      lib.genAttrs (namesAt modules path) (name: configFrom modules (path ++ [ name ]) node.any)
    else
      lib.genAttrs (attrNames node) (name: configFrom modules (path ++ [ name ]) node.${name});

  namesAt =
    modules: path:
    lib.unique (
      concatMap (d: attrNames (plain d.value)) (concatMap (module: definitionsAt 100 module path) modules)
    );
  plain = value: if isAttrs value then value else { };

  # The declarations of a table and of a module.
  declare =
    table: more:
    table
    // builtins.mapAttrs (
      name: node: if isOption node || !(table ? ${name}) then node else declare table.${name} node
    ) more;

  # The paths that `value` defines and the table does not have.
  unknown =
    path: node: value:
    # First, because evaluating the value of an option would need the configuration.
    if isOption node then
      [ ]
    else if isWrapper value then
      concatMap (unknown path node) (value.contents or [ value.content ])
    else if !isAttrs value || isPackage value then
      [ path ]
    else
      concatMap (
        name:
        let
          inner = path ++ [ name ];
        in
        if node ? any then
          unknown inner node.any value.${name}
        else if node ? ${name} then
          unknown inner node.${name} value.${name}
        else
          [ inner ]
      ) (attrNames value);
in
{
  # The configuration of `modules`, from their arguments besides `config`.
  evalModules =
    {
      modules,
      table,
      arguments ? { },
    }:
    let
      collected = concatMap (collect (arguments // { inherit config options lib; })) modules;
      contents = map (module: module.definitions) collected;
      missing = concatMap (unknown [ ] options) contents;
      options = foldl' declare table (map (module: module.declarations) collected);
      config =
        if missing == [ ] then
          configFrom contents [ ] options
        else
          throw "The option `${showPath (head missing)}' does not exist.";
    in
    {
      inherit config options;
    };
}
