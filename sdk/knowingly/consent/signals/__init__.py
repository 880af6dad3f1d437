"""Signals of browsers and banners: decoded in their own words, then read as the shop's policy says.

Decoding is one file for each standard; what an answer counts for is the cross-walk's business.
"""
