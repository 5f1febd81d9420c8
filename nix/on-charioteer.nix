# Makes an existing test run on Charioteer, by the `extend` function that tests have since nixpkgs
# 25.11.
test:
if test ? extend then
  test.extend { modules = [ ./test-module.nix ]; }
else
  throw ''
    onCharioteer: an existing test can only be changed with nixpkgs 25.11 and later.
    For earlier releases, make it with mkTest, or add `imports = [ testModule ];` to it.''
