"""A gateway that speaks Alipay's protocol on the loopback interface, for the demo and the tests.

It knows nothing of the SDK or of this product: it signs and verifies with `cryptography`, keeps its
own books, and fails on demand. Production never starts with it.
"""
