"""The assertions behind `t`. Apart, because unittest takes long to import."""

import unittest

from charioteer.testing.errors import RequestedAssertionFailed


class AssertionTester(unittest.TestCase):
    """Gives `t.assertEqual` and its kin, which fail as any other request of the test does."""

    failureException = RequestedAssertionFailed
