"""Reports: what the compiler knows, as text, Markdown, JSON or a page; pure, but for reading templates."""
