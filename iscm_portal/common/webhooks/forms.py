from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..access import allowed_scopes
from ..changes.watched import SCOPES
from ..forms import dress
from .models import Webhook
from .sending import Refused, check_url


class WebhookForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new webhook: where to, and the changes of which resources."""

    url = forms.URLField(
        label=gettext_lazy("Address"),
        max_length=500,
        assume_scheme="https",
        help_text=gettext_lazy(
            "Begins with https:// and lies on the open internet. Redirects are not followed."
        ),
    )
    types = forms.MultipleChoiceField(
        label=gettext_lazy("Resources"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("As the API names them; those that you may read."),
    )

    class Meta:
        model = Webhook
        fields = ["label", "url", "types"]
        help_texts = {"label": gettext_lazy("What receives it, for you.")}

    def __init__(self, *args: Any, owner: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = allowed_scopes(owner)
        names = [name for name, scope in SCOPES.items() if scope in mine]
        types = self.fields["types"]
        assert isinstance(types, forms.MultipleChoiceField)  # noqa: S101 - tells the type
        types.choices = [(name, name) for name in names]
        dress(self, wide=("types", "url"))

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except Refused:
            raise forms.ValidationError(
                _(
                    "Nothing is sent there: it has to begin with https://, without user and"
                    " password, and lie on the open internet."
                )
            ) from None
        return url
