"""The settings of Sphinx for the documentation site, which scripts/make-site makes."""

project = "Charioteer"
author = "the authors of Charioteer"
extensions = ["myst_parser"]
myst_heading_anchors = 4
# The reference has types of Python's library and of the core, which are not on the site.
nitpicky = False
# They would make a dash of the two hyphens of options.
smartquotes = False
html_theme = "furo"
html_title = "Charioteer"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "default"
pygments_dark_style = "monokai"
add_module_names = False
toc_object_entries_show_parents = "hide"
maximum_signature_line_length = 80
