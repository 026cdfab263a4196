"""Forms: Chinese messages, what was typed stays, a refused use case shows beside its field."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import Field, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length

from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.spoken_number import read_count


class Form(FlaskForm):
    """Base of all forms: WTForms' own messages in Chinese."""

    class Meta:
        locales = ("zh_CN", "zh")

    def check(self) -> None:
        """Raises InvalidInput with the first thing that is wrong, for a view that answers by `refuse`."""
        if not self.validate():
            field, messages = next(iter(self.errors.items()))
            raise InvalidInput(str(messages[0]), code="invalid", field=field)

    def refuse(self, error: MarketplaceError) -> None:
        """Show what a service refused: beside its field when the form has it, else on top."""
        if error.field and error.field in self:
            field: Field = self[error.field]
            if error.message not in field.errors:
                field.errors = [*field.errors, error.message]
        else:
            self.form_errors: list[str] = [*self.form_errors, error.message]


def required(message: str) -> list[Any]:
    """Validators of a field that must be filled; `message` says what to fill in."""
    return [InputRequired(message), DataRequired(message)]


def at_most(length: int) -> Length:
    return Length(max=length, message=f"最多写 {length} 个字。")


class TrimmedField(StringField):
    """Text without white space around it."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if valuelist:
            self.data: str = str(valuelist[0]).strip()


def whole_number(
    text: str | None, label: str, *, minimum: int = 0, maximum: int = 1_000_000
) -> int:
    """What a person typed into a number box; raises ValidationError with a cure."""
    try:
        return read_count(text or "", label, least=minimum, most=maximum)
    except InvalidInput as error:
        raise ValidationError(error.message) from error
