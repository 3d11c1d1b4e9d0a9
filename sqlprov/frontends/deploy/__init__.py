"""Stacks: resources described in a manifest and in `.iql` files, as stackql-deploy has them."""
