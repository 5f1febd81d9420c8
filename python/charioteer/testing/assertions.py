"""The assertions of `t`. In a module of its own, because importing unittest takes long."""

import unittest

from charioteer.testing.errors import RequestedAssertionFailed


class AssertionTester(unittest.TestCase):
    """`t.assertEqual` and similar methods, which fail like any other request of the test."""

    failureException = RequestedAssertionFailed
