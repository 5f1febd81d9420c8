"""The name `t` of test scripts."""

import unittest

import pytest
from charioteer.testing.assertions import AssertionTester
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.tester import Tester
from support.testbed import Testbed


def test_it_is_a_test_case() -> None:
    assert isinstance(Tester(), unittest.TestCase) and isinstance(Tester(), AssertionTester)
    assert repr(Tester()) == repr(AssertionTester())
    assert str(Tester()) == str(AssertionTester())


def test_its_assertions_fail_as_requested() -> None:
    t = Tester()
    t.assertEqual(1, 1)
    with pytest.raises(RequestedAssertionFailed, match="1 != 2 : why"):
        t.assertEqual(1, 2, "why")


def test_attributes_that_are_set_have_an_effect() -> None:
    one, other = Tester(), Tester()
    one.maxDiff = None
    assert one.maxDiff is None and other.maxDiff == unittest.TestCase.maxDiff
    del one.maxDiff
    assert one.maxDiff == unittest.TestCase.maxDiff
    one.longMessage = False
    with pytest.raises(RequestedAssertionFailed, match="^why$"):
        one.assertTrue(False, "why")


def test_an_unknown_attribute_is_an_error() -> None:
    with pytest.raises(AttributeError, match="'AssertionTester' object has no attribute 'missing'"):
        Tester().missing


def test_unittest_is_imported_when_a_script_uses_it(testbed: Testbed) -> None:
    run = testbed.run_driver(
        testbed.configuration(
            "import sys; before = 'unittest' in sys.modules; t.assertFalse(before); print('unused')"
        )
    )
    run.expect(0)
    assert "unused" in run.stdout
