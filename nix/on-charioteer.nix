# Puts a test that is made on Charioteer, with what nixpkgs has for changing such a test since 25.11.
test:
if test ? extend then
  test.extend { modules = [ ./test-module.nix ]; }
else
  throw ''
    onCharioteer: a test that is made can be changed with nixpkgs 25.11 and later only.
    Before, make it with mkTest, or add `imports = [ testModule ];` to it.''
