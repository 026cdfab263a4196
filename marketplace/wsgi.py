"""What the web server loads."""

from marketplace.app import create_app
from marketplace.core.settings import from_environment

app = create_app(from_environment())
