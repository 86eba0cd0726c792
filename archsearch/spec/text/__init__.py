"""A spec as text: YAML with places, sentences about what is wrong, writing it again, schemas."""
