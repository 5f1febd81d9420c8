# An independent implementation of the functions of nixpkgs' library that Charioteer uses. Others
# fail with "attribute missing". They are documented in the Nixpkgs reference manual, or in the file
# of nixpkgs that is named.
let
  inherit (builtins)
    attrNames
    attrValues
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    length
    listToAttrs
    map
    replaceStrings
    stringLength
    substring
    ;
in
rec {
  # lib/attrsets.nix
  inherit attrNames attrValues;
  genAttrs =
    names: value:
    listToAttrs (
      map (name: {
        inherit name;
        value = value name;
      }) names
    );
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);

  # lib/lists.nix
  inherit concatMap elem length;
  drop = count: list: genList (i: elemAt list (i + count)) (max 0 (length list - count));
  take = count: list: genList (elemAt list) (min count (length list));
  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: values: if condition then values else [ ];
  unique = foldl' (seen: x: if elem x seen then seen else seen ++ [ x ]) [ ];

  # lib/strings.nix
  concatLines = concatMapStringsSep "" (line: line + "\n");
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  concatStrings = concatStringsSep "";
  inherit (builtins) concatStringsSep;
  escapeShellArg = value: "'${replaceStrings [ "'" ] [ "'\\''" ] (toString value)}'";
  escapeShellArgs = concatMapStringsSep " " escapeShellArg;
  makeBinPath = concatMapStringsSep ":" (package: "${package}/bin");
  optionalString = condition: text: if condition then text else "";
  stringToCharacters = text: genList (i: substring i 1 text) (stringLength text);
  cmakeBool = name: value: "-D${name}:BOOL=${if value then "TRUE" else "FALSE"}";
  cmakeFeature = name: value: "-D${name}:STRING=${value}";

  # lib/meta.nix
  getExe = package: "${package}/bin/${package.meta.mainProgram or package.pname}";
  lowPrio =
    package:
    package
    // {
      meta = package.meta // {
        priority = 10;
      };
    };

  # lib/licenses
  licenses.mit.spdxId = "MIT";

  # lib/trivial.nix
  max = a: b: if a > b then a else b;
  min = a: b: if a < b then a else b;
  warnIf = condition: message: if condition then builtins.trace "warning: ${message}" else (x: x);

  # lib/strings.nix
  versionAtLeast = a: b: builtins.compareVersions a b >= 0;

  # lib/options.nix, lib/types.nix; a type is its name in modules.nix.
  mkOption =
    {
      type,
      default,
      description,
    }:
    {
      inherit type default description;
    };
  types.bool = "bool";

  # lib/fileset: checks that the files exist, without copying them.
  fileset = {
    unions = map (
      path:
      if builtins.pathExists path then
        path
      else
        throw "lib.fileset.unions: ${toString path} does not exist"
    );
    toSource =
      { root, fileset }:
      builtins.seq (foldl' (count: path: builtins.seq path count) 0 fileset) (
        builtins.path {
          path = root;
          name = "source";
          filter = path: _: builtins.any (kept: within path (toString kept)) fileset;
        }
      );
  };
  # Whether the paths are equal, or one contains the other.
  within =
    a: b:
    let
      below = short: long: substring 0 (stringLength short + 1) (long + "/") == short + "/";
    in
    below a b || below b a;

  # lib/modules.nix; 100 is the priority of plain definitions, and 1500 that of defaults of options.
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkForce = mkOverride 50;
  mkDefault = mkOverride 1000;
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
}
