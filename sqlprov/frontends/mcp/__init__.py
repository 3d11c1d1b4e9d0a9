"""The Model Context Protocol: tools with which an agent reads tables, and proposes and makes writes."""
