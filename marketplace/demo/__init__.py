"""The demo county: invented people and places, made by the imports and services of a real one."""
