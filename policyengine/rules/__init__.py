"""Rules as values, their evaluation, waivers and packs."""
