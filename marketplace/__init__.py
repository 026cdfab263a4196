"""Xiangbang 乡帮: a consumption-assistance marketplace for counties."""
