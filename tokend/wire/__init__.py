"""Bytes <-> fields of the published token formats. Pure standard library; knows no apps, rules, names or clocks."""
