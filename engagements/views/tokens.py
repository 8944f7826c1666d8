"""Tokens of programs: everybody makes and revokes his own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from iscm_portal.common.api_use import settle
from iscm_portal.common.models import ApiToken
from iscm_portal.common.pages import keyset_page

from ..forms import TokenForm
from ..models import SignedInRequest

# Days of use on one page.
ROWS = 50


@never_cache
def tokens(request: SignedInRequest) -> HttpResponse:
    """The reader's tokens, and a form for one more; the text of a new one is shown this once."""
    user, now = request.user, timezone.now()
    form = TokenForm(request.POST or None, user=user)
    made, text = None, ""
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        made, text = ApiToken.issue(user, chosen["scopes"], chosen["days"], chosen["label"])
        form = TokenForm(user=user)
    own = ApiToken.objects.of(user)
    context = {
        "form": form,
        "made": made,
        "text": text,
        "good": own.valid(now),
        "over": own.exclude(pk__in=own.valid(now)),
    }
    return render(request, "engagements/tokens.html", context, status=422 if form.errors else 200)


@require_safe
def token(request: SignedInRequest, pk: int) -> HttpResponse:
    """What a token was used for: by day and endpoint."""
    shown = get_object_or_404(ApiToken.objects.of(request.user), pk=pk)
    settle(shown, timezone.now())
    page = keyset_page(request, shown.uses.all(), "-day", "pk", size=ROWS)
    return render(request, "engagements/token.html", {"token": shown, "page": page})


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask whether to end a token, and end it; a second time changes nothing."""
    ended = get_object_or_404(ApiToken.objects.of(request.user), pk=pk)
    if request.method != "POST":
        return render(request, "engagements/token_revoke.html", {"token": ended})
    ended.revoke(timezone.now())
    said = _("%(token)s is revoked: no program can use it any more.")
    messages.success(request, said % {"token": ended})
    return redirect("tokens")
