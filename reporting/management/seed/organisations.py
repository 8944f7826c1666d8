"""Organisations that the sources name as member, observer or secretariat.

Names stand as the sources print them. Two spellings are one organisation only where that is
plain; a body and its secretariat or commission stay two.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import Record, known, sentences

# Printed among organisations, but none: kept as text beside the mechanism.
NOT_AN_ORGANISATION = {
    "private sector",
    "civil society",
    "United Arab Emirates",
    "AU regional economic communities",
}

# name as printed -> slug; names missing here get a slug of their own
SPELLINGS = {
    "EU": "european-union",
    "European Union": "european-union",
    "ICMPD (support)": "icmpd",
    "IOM (Canberra, de facto technical secretariat)": "iom",
    "Bali Process Regional Support Office": "bali-process-rso",
    "Regional Support Office (RSO), Bangkok": "bali-process-rso",
}

# slug -> name, kind (blank where it is not plain), note
ORGANISATIONS: dict[str, tuple[str, str, str]] = {
    "acp-secretariat": ("ACP Secretariat", "igo", "African, Caribbean and Pacific Group of States"),
    "african-union": ("African Union", "regional_entity", ""),
    "african-union-commission": ("African Union Commission", "regional_entity", ""),
    "andean-community": ("Andean Community General Secretariat", "regional_entity", ""),
    "arab-maghreb-union": ("Arab Maghreb Union", "regional_entity", ""),
    "asean-secretariat": (
        "ASEAN Secretariat",
        "regional_entity",
        "Association of Southeast Asian Nations",
    ),
    "bali-process-rso": (
        "Bali Process Regional Support Office",
        "iscm_secretariat",
        'Also printed "Regional Support Office (RSO), Bangkok"',
    ),
    "bsec": ("BSEC", "regional_entity", "Organization of the Black Sea Economic Cooperation"),
    "celac": ("CELAC", "regional_entity", "Community of Latin American and Caribbean States"),
    "cis": ("CIS", "regional_entity", "Commonwealth of Independent States"),
    "cis-executive-committee": ("CIS Executive Committee", "regional_entity", ""),
    "comesa-secretariat": (
        "COMESA Secretariat",
        "regional_entity",
        "Common Market for Eastern and Southern Africa",
    ),
    "council-of-europe": ("Council of Europe", "regional_entity", ""),
    "csto": ("CSTO", "regional_entity", "Collective Security Treaty Organization"),
    "easo": ("EASO", "regional_entity", "European Asylum Support Office"),
    "eclac": (
        "ECLAC",
        "regional_entity",
        "United Nations Economic Commission for Latin America and the Caribbean",
    ),
    "eclac-celade": (
        "ECLAC/CELADE",
        "regional_entity",
        "The population division of ECLAC; kept apart from ECLAC as printed",
    ),
    "ecowas": ("ECOWAS", "regional_entity", "Economic Community of West African States"),
    "ecowas-commission": ("ECOWAS Commission", "regional_entity", ""),
    "eeas": ("EEAS", "regional_entity", "European External Action Service"),
    "european-commission": ("European Commission", "regional_entity", ""),
    "european-union": ("European Union", "regional_entity", 'Also printed "EU"'),
    "frontex": ("Frontex", "regional_entity", ""),
    "gfmd-support-unit": ("GFMD Support Unit", "iscm_secretariat", "Hosted by IOM"),
    "iachr": ("IACHR", "regional_entity", "Inter-American Commission on Human Rights"),
    "icmpd": ("ICMPD", "igo", "International Centre for Migration Policy Development"),
    "icrc": ("ICRC", "", "International Committee of the Red Cross"),
    "ifrc": ("IFRC", "", "International Federation of Red Cross and Red Crescent Societies"),
    "igad": ("IGAD", "regional_entity", "Intergovernmental Authority on Development"),
    "igc-secretariat": (
        "IGC Secretariat",
        "iscm_secretariat",
        "Hosted by IOM under an Administrative Agreement",
    ),
    "ilo": ("ILO", "un_agency", "International Labour Organization"),
    "interpol": ("INTERPOL", "igo", ""),
    "iom": ("IOM", "igo", "International Organization for Migration"),
    "league-of-arab-states": ("League of Arab States", "regional_entity", ""),
    "oceania-customs-organisation": ("Oceania Customs Organisation", "", ""),
    "pacific-islands-chiefs-of-police": ("Pacific Islands Chiefs of Police", "", ""),
    "pacific-islands-forum-secretariat": (
        "Pacific Islands Forum Secretariat",
        "regional_entity",
        "",
    ),
    "pacific-islands-law-officers-network": ("Pacific Islands Law Officers' Network", "", ""),
    "pacific-transnational-crime-network": ("Pacific Transnational Crime Network", "", ""),
    "pidc-secretariat": ("PIDC Secretariat", "iscm_secretariat", ""),
    "rcm-technical-secretariat": (
        "RCM Technical Secretariat",
        "iscm_secretariat",
        "Politically independent; hosted by IOM",
    ),
    "un-act-undp": ("UN-ACT (UNDP)", "", "A United Nations project, managed by UNDP"),
    "un-special-rapporteur-migrants": (
        "UN Special Rapporteur on the human rights of migrants",
        "",
        "A mandate rather than an organisation; listed among the observers as printed",
    ),
    "unctad": ("UNCTAD", "un_agency", "United Nations Conference on Trade and Development"),
    "undp": ("UNDP", "un_agency", "United Nations Development Programme"),
    "unhcr": ("UNHCR", "un_agency", "Office of the United Nations High Commissioner for Refugees"),
    "union-for-the-mediterranean": ("Union for the Mediterranean", "regional_entity", ""),
    "unodc": ("UNODC", "un_agency", "United Nations Office on Drugs and Crime"),
}

_SLUGS = {name: slug for slug, (name, _kind, _note) in ORGANISATIONS.items()} | SPELLINGS


def slug_of(printed: str) -> str:
    """The slug of an organisation by its printed name; ``KeyError`` when it is not in the list."""
    return _SLUGS[printed]


def organisations(printed: Iterable[str]) -> tuple[list[str], list[str]]:
    """The slugs of what is an organisation, once each, and the names of what is none."""
    names = list(printed)
    slugs = dict.fromkeys(slug_of(name) for name in names if name not in NOT_AN_ORGANISATION)
    return list(slugs), [name for name in names if name in NOT_AN_ORGANISATION]


def build_organisations(iscms: list[Record]) -> list[Record]:
    """The organisations that the mechanisms' records name, each with the sources that do so."""
    sources: dict[str, set[str]] = {}
    for iscm in iscms:
        secretariat = iscm["secretariat"] or {"organisations": [], "source": None}
        for names, source in (
            (iscm["member_organisations"], iscm["member_states_source"]),
            (iscm["observer_organisations"], iscm["observer_organisations_source"]),
            (secretariat["organisations"], secretariat["source"]),
        ):
            for slug in organisations(names)[0]:
                sources.setdefault(slug, set()).add(f"{iscm['acronym']}: {source}")
    return [
        known(
            slug=slug,
            name=name,
            kind=kind,
            source="\n".join(sorted(sources[slug])),
            note=sentences(note, "Kind: judged when loading" if kind else "Kind: not plain"),
        )
        for slug, (name, kind, note) in sorted(ORGANISATIONS.items())
        if slug in sources
    ]
