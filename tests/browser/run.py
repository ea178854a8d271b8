#!/usr/bin/env python3
"""Runs the tests in a browser. Exit code 77: there is none here."""
import pathlib
import sys
import unittest

import webdriver

if __name__ == "__main__":
    reason = webdriver.missing()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    tests = unittest.defaultTestLoader.discover(str(pathlib.Path(__file__).resolve().parent))
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
