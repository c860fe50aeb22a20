# SPDX-License-Identifier: Apache-2.0
"""What the system tests stand on: a root file system, containers and machines made of it, and a runner of tests."""
