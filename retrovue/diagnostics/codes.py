"""Every diagnostic code with its manual, as ``retrovue explain CODE`` prints it; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from retrovue.diagnostics.diagnostic import Diagnostic


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of mistake: what it is, why it matters, how to mend it, and an example."""

    code: str
    title: str  #: one line
    manual: str  #: one paragraph: what and why
    mend: str  #: what to do
    example: str  #: YAML (or words) that has the mistake, with the right way beside it


def _code(code: str, title: str, manual: str, mend: str, example: str) -> Code:
    return Code(code, title, " ".join(manual.split()), " ".join(mend.split()), example.strip("\n"))


_ALL = (
    # --- files and YAML ---
    _code(
        "no-folder",
        "the station folder does not exist",
        """A station is a folder of YAML files. The path that was given is no folder, so there is nothing to
        read.""",
        "Check the path; it is taken relative to where the command was started.",
        "retrovue check stations/demo",
    ),
    _code(
        "unreadable-file",
        "a file can't be read",
        """A YAML file of the station could not be opened, is no regular file, or is far larger than a
        station file can be. A part of the station would silently be missing, so nothing is used.""",
        """Mend the file's permissions, or move what is no station YAML out of the folder (media/ is never
        read).""",
        "chmod u+r channels/5-1.yaml",
    ),
    _code(
        "linked-folder",
        "a sub-folder is a link, and is not read",
        """A symbolic link may lead to any place of the machine, so links to folders outside the station are
        not followed. There is station YAML behind this one, which is no part of the station as it is.""",
        """Move the folder into the station, or name it in the station's include, which says plainly that
        another folder belongs to the station.""",
        "include: [../shared]",
    ),
    _code(
        "not-utf8",
        "a file is not UTF-8",
        """YAML files are UTF-8, so that the same file means the same on every machine. The place is the
        first byte that is not.""",
        "Save the file as UTF-8 (most editors: “save with encoding”).",
        "iconv -f latin1 -t utf8 old.yaml > new.yaml",
    ),
    _code(
        "yaml-syntax",
        "this is not YAML",
        """The text breaks the rules of YAML, so nothing of this document can be understood. Other documents
        of the same file, and references to this one, are still checked. The second place, if there is
        one, is where the broken piece begins.""",
        "Close quotes and brackets, put text that contains “: ” in quotes, line up the keys of one mapping.",
        'title: Star Trek: Voyager      # wrong: two colons\ntitle: "Star Trek: Voyager"    # right',
    ),
    _code(
        "yaml-tab",
        "a tab indents a line",
        """YAML indents with spaces only: a tab is as wide as each reader likes, so it can't say what belongs
        to what.""",
        "Replace tabs by spaces, two a level; most editors do it on a key press.",
        "tuner:\n\tcount: 6     # wrong: a tab\n\ntuner:\n  count: 6     # right",
    ),
    _code(
        "yaml-depth",
        "nested too deeply",
        "The document has dozens of levels inside each other. The language itself needs seven.",
        "Flatten it; look for a bracket that was opened once too often.",
        "play: [[[[[[…",
    ),
    _code(
        "yaml-alias",
        "an alias can't be followed",
        """An alias (*name) repeats an anchored value (&name), and << merges a mapping. Here an alias
        contains itself, merges something that is no mapping, or multiplies the document beyond reason.""",
        "Write the value out, or anchor a smaller piece.",
        "zone: &z { again: *z }",
    ),
    _code(
        "yaml-tag",
        "a YAML tag that means nothing here",
        """Tags (!word) give values types of their own. The station language has none: every field knows its
        type.""",
        "Delete the tag.",
        "seed: !random 1983    # wrong\nseed: 1983            # right",
    ),
    _code(
        "duplicate-key",
        "a key stands twice",
        "One mapping has the same key twice. Only one value could count, and a reader can't tell which.",
        "Keep one. To play several things, write a list.",
        "play: [cheers]\nplay: [wings]          # wrong\nplay: [cheers, wings]  # right",
    ),
    _code(
        "empty-document",
        "nothing is written here",
        "A file, or the part after a “---”, holds no values. That is harmless, but hardly meant.",
        "Delete it, or write a noun (channel: …, plan: …).",
        "---\n---",
    ),
    _code(
        "not-a-mapping",
        "keys and values were wanted",
        """A document is a mapping of plain words to values. Here is a list, a bare text, or a key that is no
        word.""",
        "Begin with a noun and give its fields below.",
        "- wrtv            # wrong\nchannel: wrtv     # right",
    ),
    _code(
        "no-noun",
        "nothing says what this document is",
        """Every document is one noun of the language: station, channel, plan, program, virtual, collection,
        pool, spot, break_format, overlay or synthetic. The key of that name says which, and its value is
        the slug.""",
        "Add the noun. Files that are no station YAML belong in another folder.",
        "chanel: wrtv      # wrong\nchannel: wrtv     # right",
    ),
    _code(
        "several-nouns",
        "two nouns in one document",
        "One document is one noun. Two of them have run together, probably because a “---” is missing.",
        "Put a line “---” between them.",
        "channel: wrtv\nnumber: 5.1\n---\nplan: weekday",
    ),
    # --- templates and includes ---
    _code(
        "template-syntax",
        "this is no template",
        """A file whose name ends in .yaml.j2 is a Jinja template that makes YAML. The text breaks the rules
        of templates, so nothing is made. YAML needs no braces doubled: “{{” begins an expression.""",
        "Close every block and brace, and check the names of tags and filters.",
        "{% for n in range(3) %}\nprogram: show-{{ n }}\n{% endfor %}",
    ),
    _code(
        "template-undefined",
        "a name that the template doesn't know",
        """Templates know what “vars” of station.yaml says, and what they set themselves. An unknown name is
        an error, never an empty text: a program without its name would air under another.""",
        "Correct the spelling, or add the name to “vars” of station.yaml.",
        "vars: { shows: [cheers, wings] }        # station.yaml\n"
        "{% for show in shwos %}…{% endfor %}    # wrong",
    ),
    _code(
        "template-error",
        "a template fails",
        """The template is well formed, and what it computes fails: a list is added to a number, an element is
        asked for that isn't there, or something is wanted that a template may not have. Templates read no
        files, know no clock and no chance, so that the same text always makes the same station.""",
        "Mend the expression on the line that is shown.",
        "{{ shows[9] }}     # wrong, when there are three",
    ),
    _code(
        "template-limit",
        "a template makes too much",
        """A template goes round too often, calls itself without end, or makes more text than a station file
        can be. It is stopped, so that every check ends.""",
        "Shorten the loop; a station that large is better written by a program of your own.",
        "{% for n in range(99999) %}{% for m in range(99999) %}…",
    ),
    _code(
        "unknown-card",
        "a card of a name that none has",
        """A station may draw any card and overlay its own way: a file of the shipped one's name under
        templates/ takes its place. A file of another name would never be shown.""",
        "Give it the name of the card that it is to replace.",
        "templates/cards/indent.svg     # wrong\ntemplates/cards/ident.svg      # right",
    ),
    _code(
        "bad-card",
        "a card that can't be drawn",
        """A card is SVG that stands alone: it names its canvas in viewBox, refers to no file and no
        address, and marks what moves as the manual says. It was filled in with sample values and could not
        be drawn.""",
        "Compare it with the shipped card of the same name.",
        '<image href="../logo.png"/>     <!-- wrong -->\n<image href="{{ logo }}"/>       <!-- right -->',
    ),
    _code(
        "no-glyph",
        "a letter that no shipped font has",
        """Cards and overlays are set in fonts that come with RetroVue, never in those of the machine, so that
        every machine draws the same. They have Latin, Greek and Cyrillic letters. Others, and emoji, are
        missing on the screen; guides and lineups show them as they are.""",
        "Write it in letters that the fonts have, or draw a card of your own with its letters as paths.",
        "name: 電視台          # an ident without letters\nname: Denshi TV",
    ),
    _code(
        "bad-include",
        "an include that brings nothing in",
        """include names files or folders beside the station folder whose YAML belongs to the station, too.
        The path is relative to the station folder and stays inside the repository, so that a checkout is
        whole.""",
        "Correct the path, or move the files into the repository.",
        "include: [../common/holidays.yaml]",
    ),
    # --- what must be there, once ---
    _code(
        "no-station",
        "the folder has no station",
        """A station folder has exactly one document with the noun station. It gives the name and the time
        zone.""",
        "Write station.yaml.",
        "station: retro\nname: Retro Television\ntimezone: America/New_York",
    ),
    _code(
        "several-stations",
        "the folder has two stations",
        "One folder is one station: its name, time zone and seed hold for all that is in it.",
        "Keep one station document; further channels are documents of their own.",
        "station: retro\n---\nstation: modern    # wrong: a folder of its own",
    ),
    _code(
        "no-channel",
        "the station has no channel",
        "A station without a channel has nothing to tune to.",
        "Write a channel.",
        'channel: wrtv\nnumber: "5.1"\nname: WRTV\nplans: [weekday]',
    ),
    _code(
        "duplicate-slug",
        "two documents have one name",
        """A slug names one document of its noun, so that references are never in doubt. Programs and
        synthetics share their names, because a zone may play either.""",
        "Rename one of the two, and what refers to it.",
        "program: cheers\n---\nprogram: cheers     # wrong",
    ),
    _code(
        "duplicate-number",
        "two channels have one number",
        "A viewer types the number; it can only lead to one channel. 5 and 05 are the same number.",
        "Give one of them another number.",
        'number: "5.1"',
    ),
    _code(
        "duplicate-vchannel",
        "two channels have one vchannel",
        """Some clients tune by a whole number. It is derived from the channel's number (5.1 becomes 501, 5
        stays 5) unless vchannel sets it, and it must be unique.""",
        "Set another vchannel on one of the two.",
        'number: "5.1"     # derived: 501\nnumber: "501"     # also 501: set “vchannel: 601”',
    ),
    # --- values ---
    _code(
        "unknown-key",
        "a key that does not exist",
        """Keys that the language doesn't know are errors, not ignored: a misspelt key would otherwise do
        nothing, and nobody would notice before air.""",
        "Correct the spelling; schemas/README.md lists every field.",
        "prioritty: 30     # wrong\npriority: 30      # right",
    ),
    _code(
        "missing-key",
        "a mandatory key is missing",
        "Something can't work without this field, and no default would be right.",
        "Add it where the place points.",
        'channel: wrtv\nname: WRTV          # wrong: no number\n\nnumber: "5.1"       # right',
    ),
    _code(
        "wrong-type",
        "a value of the wrong kind",
        "A list stands where text is wanted, text where a number is, or nothing where something is.",
        "Write the kind of value that the message names.",
        "plans: weekday      # wrong: a list is wanted\nplans: [weekday]    # right",
    ),
    _code(
        "bad-value",
        "a value that can't be read",
        """A duration is written 30m, 1h30m, 15s or 4d; a time of day "06:00"; a window 19:00-23:00; a date
        2026-07-04; a channel number "5.1".""",
        "Write it in the form that the help shows.",
        "grid: 30 minutes    # wrong\ngrid: 30m           # right",
    ),
    _code(
        "bad-slug",
        "a name that is no slug",
        """Slugs name things in references, addresses and file names: small letters, digits and single
        hyphens only, so that they are safe everywhere. The name that people see is another field.""",
        "Write it in kebab-case.",
        "channel: WRTV 5     # wrong\nchannel: wrtv-5     # right",
    ),
    _code(
        "unknown-word",
        "a word that isn't one of the choices",
        "This field takes one of a few words, and the one that was written is none of them.",
        "Take one of the words in the help.",
        "mode: suffle      # wrong\nmode: shuffle     # right",
    ),
    _code(
        "out-of-range",
        "a number or list of the wrong size",
        "The value is of the right kind, but smaller or larger than what works.",
        "Stay within the limit that the message names.",
        "tuner: { count: 40 }     # wrong: at most 10",
    ),
    # --- references ---
    _code(
        "unknown-reference",
        "something that is referred to does not exist",
        """A slug names a document that isn't there, or one of another noun: a zone plays programs and
        synthetics, a break is filled from pools, a query draws from collections. Built-in synthetics are
        test-pattern, station-clock, station-ident and slate.""",
        "Correct the spelling, or define what is missing.",
        "play: [chers]      # wrong\nplay: [cheers]     # right: “program: cheers” exists",
    ),
    _code(
        "program-cycle",
        "a program plays itself",
        """The chain of a program leads back to it, directly or through others. It would never end. All steps
        of the ring are shown.""",
        "Take one step out.",
        "program: a\nchain: [{ program: b }]\n---\nprogram: b\nchain: [{ program: a }]     # wrong",
    ),
    _code(
        "rerun-cycle",
        "a program is a rerun of itself",
        """rerun_of leads back to where it began, so there is no premiere that the reruns could follow. All
        steps of the ring are shown.""",
        "Take one step out: the program that airs first has a chain and a mode of its own.",
        "program: a\nrerun_of: b\n---\nprogram: b\nrerun_of: a     # wrong",
    ),
    _code(
        "missing-file",
        "a file that is referred to does not exist",
        """A logo is a picture inside the station folder, so that the folder can move to another machine
        whole.""",
        "Put the file there; the path is relative to the station folder.",
        "logo: logos/wrtv.png",
    ),
    _code(
        "unknown-source",
        "a source that no adapter serves",
        """A collection's source says by its kind which adapter finds the media. No installed adapter has
        that name.""",
        "Correct the kind, or install the adapter.",
        "source: { kind: filesytem, path: media }      # wrong\n"
        "source: { kind: filesystem, path: media }     # right",
    ),
    _code(
        "no-lock",
        "a collection has no catalog lock",
        """Schedules are made from the catalog lock, never from the media itself. A collection that was never
        ingested holds nothing that can air.""",
        "Run retrovue ingest, and commit the catalog.lock folder.",
        "retrovue ingest stations/demo",
    ),
    _code(
        "not-in-catalog",
        "something is asked for that the catalog doesn't have",
        """An asset, or a series, title or tag of a query, that no line of the catalog lock has. Nothing can
        air for it, until the media are there and were ingested.""",
        "Correct the word, or run retrovue ingest. “retrovue library” lists what there is.",
        "episodes: { collection: sitcoms, series: Cheerz }    # wrong\n"
        "episodes: { collection: sitcoms, series: Cheers }    # right",
    ),
    _code(
        "broken-lock",
        "the catalog lock can't be read",
        """A line of catalog.lock/ that is damaged, holds what no asset can have, or has the key of another;
        or what a merge left there. Until it is mended nothing is compiled. All that ingest writes is sound:
        an editor or a merge has been there since.""",
        "Mend the line or delete it, then run retrovue ingest, which writes what is missing again.",
        '{"key":"Cheers/S01E01","path":"Cheers/S01E01.mkv","season":-1}    # wrong\n'
        '{"key":"Cheers/S01E01","path":"Cheers/S01E01.mkv","season":1}     # right',
    ),
    # --- station ---
    _code(
        "unknown-timezone",
        "a time zone that does not exist",
        "Windows and broadcast days are local time; the IANA zone says when clocks change.",
        "Write it like America/New_York or Europe/Berlin.",
        "timezone: New York            # wrong\ntimezone: America/New_York    # right",
    ),
    _code(
        "bad-grid",
        "a grid that guides can't show",
        "Programmes start on the grid. An hour must be a whole number of blocks: 5m, 10m, 15m, 30m or 60m.",
        "Choose one of the five.",
        "grid: 20m     # wrong\ngrid: 30m     # right",
    ),
    _code(
        "short-horizon",
        "a horizon that is too short",
        """Clients fetch the guide for days ahead and seldom, and the playlog must survive a night without
        help: the guide is compiled at least 2d ahead, the playlog kept ready at least 2h ahead.""",
        "Write a longer horizon, or leave it out.",
        "horizon: { guide: 12h }     # wrong\nhorizon: { guide: 4d }      # right",
    ),
    _code(
        "bad-device-id",
        "a device id whose check digit is wrong",
        """The last digit of a HDHomeRun device id is computed from the other seven, and clients refuse ids
        where it isn't. Tvheadend does not survive one.""",
        "Take the id that the help proposes, or leave device_id out: one is made and kept.",
        "device_id: 1052712A     # wrong\ndevice_id: 1052712E     # right",
    ),
    _code(
        "duplicate-device-id",
        "two tuners have one device id",
        "A client that meets one id twice takes both for one tuner, at two addresses. Each needs its own.",
        "Give one of them another, or leave device_id out: one is made and kept.",
        "devices: [{ device: hd, http_port: 8081, device_id: 10439EFD }]",
    ),
    # --- plans ---
    _code(
        "unknown-day",
        "a word that is no weekday",
        "Weekdays are mon, tue, wed, thu, fri, sat, sun, ranges of them, weekdays, weekends and all.",
        "Use one of these words.",
        "days: monday-friday     # wrong\ndays: mon-fri           # right",
    ),
    _code(
        "bad-date",
        "a date that does not exist",
        """Dates are written 2026-07-04, or 07-04 for every year; ranges 12-24..12-26. A range without a year
        may cross New Year. Both ends have a year, or neither.""",
        "Correct the date.",
        "dates: 24.12.          # wrong\ndates: 12-24..12-26    # right",
    ),
    _code(
        "unknown-holiday",
        "a day that no calendar names",
        """Named days are easter (with an offset, easter-2d) and country:holiday, the country as two letters
        and the holiday's name in small letters with hyphens, in English or the country's own language.""",
        "Correct the name; the help lists what the country has.",
        "on: us:thanksgivng      # wrong\non: us:thanksgiving     # right",
    ),
    _code(
        "unknown-season",
        "a season that the station doesn't name",
        """A plan's season is a word that station.yaml gives a meaning under seasons: the dates on which it
        is. Every station has its own.""",
        "Correct the word, or add the season to station.yaml.",
        "seasons: { summer: 06-01..08-31 }   # in station.yaml\nwhen: { season: sumer }            # wrong",
    ),
    _code(
        "bad-cron",
        "a line that cron would not read",
        """A cron line has five fields: minute, hour, day of the month, month, weekday. A plan is about dates,
        so the first two are read and mean nothing: write stars. Ranges, lists, steps and the English
        names of months and weekdays work.""",
        "Write five fields; nth says “the last Friday” more simply.",
        'cron: "fri"             # wrong\ncron: "* * * * fri"     # right',
    ),
    _code(
        "never-applies",
        "a plan that applies on no day",
        """All that stands in when must hold on the same day. Here every word is right by itself, and no day
        of the calendar is all of it.""",
        "Write two plans for either-or, or drop a key.",
        "when: { days: mon-fri, nth: last sun }     # a Sunday is no weekday",
    ),
    _code(
        "unused-key",
        "a key that has no effect here",
        """The key exists, but what stands beside it leaves it nothing to do: airings belong to mode manual,
        weights to weighted, group_by to marathon, from to a mode with an order, gap to a zone without a
        play list, a collection's rule gives a rating or tags, and a rerun takes mode and cursor from its
        premiere. It would do nothing, and nobody would notice before air.""",
        "Delete the key, or change what makes it idle; the second place shows that.",
        "mode: shuffle\nairings: [{ on: 2026-12-24, episode: S01E02 }]     # wrong: manual knows airings",
    ),
    _code(
        "empty-window",
        "a zone that begins where it ends",
        """Such a window would be empty, except when it begins with the broadcast day: 06:00-06:00 is the
        whole day.""",
        "Correct the end.",
        "window: 12:00-12:00     # wrong\nwindow: 12:00-13:00     # right",
    ),
    _code(
        "zone-crosses-day",
        "a zone runs across the start of the broadcast day",
        """A plan describes one broadcast day, from broadcast_day_start to the next. A zone may cross
        midnight, but not the end of its day: what follows belongs to the plan of the next one.""",
        "Write two zones, one before and one after the start of the day.",
        "window: 23:00-08:00     # wrong, when the day begins at 06:00\nwindow: 23:00-06:00     # right",
    ),
    _code(
        "zone-off-grid",
        "a zone that is not on the grid",
        "Zones begin and end on the channel's grid, because programmes do.",
        "Move it to the next block, or choose a finer grid.",
        "window: 06:10-12:00     # wrong on a 30-minute grid\nwindow: 06:00-12:00     # right",
    ),
    _code(
        "zone-overlap",
        "two zones of one plan overlap",
        """At any time one zone of a plan decides what airs. To override a part of the day, write another
        plan with a higher priority.""",
        "End the one where the other begins.",
        "window: 06:00-12:00\nwindow: 11:00-14:00     # wrong\nwindow: 12:00-14:00     # right",
    ),
    _code(
        "duplicate-zone",
        "two zones of one plan have one name",
        """The rotations of a zone, what is said of it and why something airs in it go by its name. Two
        zones of one name would take turns in one rotation, and nobody could tell which is meant.""",
        "Give one of them another name.",
        "- { zone: Cartoons, window: 06:00-09:00, play: [cartoons] }\n"
        "- { zone: Cartoons, window: 15:00-17:00, play: [cartoons] }           # wrong\n"
        "- { zone: Afternoon Cartoons, window: 15:00-17:00, play: [cartoons] } # right",
    ),
    _code(
        "unlisted-plan",
        "a plan that no channel lists",
        """A channel airs the plans that it lists, and no other. This plan is written down, and nothing of it
        airs.""",
        "Add it to the “plans” of a channel, or delete it.",
        "channel: wrtv\nplans: [weekday, weekend, christmas]    # the new one, too",
    ),
    _code(
        "empty-zone",
        "a zone plays nothing",
        """A zone has neither a play list nor a pinned program. To leave a time to the off-air picture, leave
        the zone out.""",
        "Add “play:” or “at:”.",
        "zone: Morning\nwindow: 06:00-12:00\nplay: [cartoons]",
    ),
    _code(
        "zone-gap",
        "nothing fills the time before a pin",
        """Time between pinned programs goes to the zone's play list. This zone has none, and its first pin
        comes later.""",
        "Add a play list, or begin the zone at the first pin.",
        "window: 19:00-23:00\n"
        'at: { "20:00": cheers }    # wrong: 19:00-20:00 is empty\n'
        "play: [sitcoms]            # right, in addition",
    ),
    _code(
        "pin-outside-zone",
        "a pin outside its zone",
        "A program can only be pinned to a time within the zone's window; the end belongs to the next zone.",
        "Move the pin, or widen the window.",
        'window: 19:00-23:00\nat: { "18:30": cheers }    # wrong',
    ),
    _code(
        "pin-off-grid",
        "a pin that is not on the grid",
        "Programmes start on the channel's grid, pinned ones too.",
        "Move the pin to a block's start, or choose a finer grid.",
        'at: { "20:10": cheers }    # wrong on a 30-minute grid\nat: { "20:00": cheers }    # right',
    ),
    _code(
        "duplicate-pin",
        "two programs pinned to one time",
        'Two spellings of one time ("8:00" and "08:00") pin two programs to it; only one can air.',
        "Keep one.",
        'at: { "8:00": cheers, "08:00": wings }    # wrong',
    ),
    # --- programs, breaks ---
    _code(
        "chain-node",
        "a step of a chain that isn't exactly one thing",
        """Each step of a program's chain is one of episodes, bumper, program and synthetic: the order is the
        list's.""",
        "Begin each step with a dash of its own.",
        "- bumper: opening\n"
        "  episodes: { collection: sitcoms }     # wrong: one step\n"
        "- episodes: { collection: sitcoms }     # right",
    ),
    _code(
        "airing",
        "an airing that isn't exactly one thing",
        """Each line of airings says a broadcast date and one of episode, asset and title. With none of them
        nothing could air; with two they might disagree.""",
        "Write one of the three; several airings of one date are several lines.",
        "airings: [{ on: 2026-12-24, episode: S01E02 }]",
    ),
    _code(
        "no-airings",
        "a manual program that lists nothing",
        """In mode manual a program airs exactly the airings that it lists, on their dates. Without a list it
        would never air.""",
        "Add airings, or take another mode.",
        "mode: manual\nairings:\n  - { on: 2026-12-24, episode: S01E02 }",
    ),
    _code(
        "empty-weights",
        "weights that leave nothing",
        """A weight says how often something is taken, against 1 for what isn't named; 0 is never. When all
        that are given are 0, a plain query without those assets says the same and can be read.""",
        "Give something a weight above 0, or leave it out of the query with “not”.",
        "weights: { Cheers: 0 }               # wrong\nweights: { Cheers: 3, Wings: 0 }     # right",
    ),
    _code(
        "virtual-kind",
        "a virtual that isn't exactly one of sequence and rule",
        """A virtual is either a fixed sequence of steps, or a rule by which assets are picked from the
        catalog. A step of a sequence may be another virtual.""",
        "Keep one of the two.",
        "virtual: movie-of-the-day\nrule: { query: { collection: films }, no_repeat: 30d }",
    ),
    _code(
        "empty-watershed",
        "a program that may never start",
        """not_before and not_after are times of the broadcast day: with a day that begins at 06:00, 05:00 is
        later than 22:00. Here the first comes after the second, so no time is left.""",
        "Exchange the two, or drop one.",
        'not_before: "22:00"\nnot_after: "20:00"     # wrong\nnot_after: "05:00"     # right: late at night',
    ),
    _code(
        "empty-range",
        "a query that nothing can match",
        "The shortest duration that is asked for is longer than the longest.",
        "Exchange the two.",
        "min_duration: 30m\nmax_duration: 20m     # wrong",
    ),
    # --- spots and promos ---
    _code(
        "spot-target",
        "a spot that is for nothing, or for two things",
        """A spot gives rules to one asset, or to all that a query finds. Which pool airs it, and in which
        breaks, is said elsewhere.""",
        "Write “asset: collection/key” or “spots: { … }”, one of them.",
        "spot: cola\nasset: commercials/sunny-cola-30",
    ),
    _code(
        "duplicate-spot",
        "two spots for one asset",
        "Two documents give rules to the same asset. They might disagree, and none could be the right one.",
        "Put the rules into one spot.",
        "spot: a\nasset: ads/x\n---\nspot: b\nasset: ads/x     # wrong",
    ),
    _code(
        "no-flight",
        "contracted runs without dates",
        """runs are the airings that are contracted over a flight. Without its dates there is no rate at which
        they could be delivered, and no day on which the contract ends.""",
        "Add the flight.",
        "runs: 120\nflight: 2026-06-01..2026-08-31",
    ),
    _code(
        "impossible-contract",
        "more runs than its own rules allow",
        """The spot may air daily_cap times a broadcast day on each channel, and the flight has only so many
        days on which it may air at all: even with every one of them full the contracted runs are not
        reached.""",
        "Raise the cap, lengthen the flight, or contract fewer runs.",
        "runs: 100\ndaily_cap: 3\nflight: 2026-06-01..2026-06-10     # wrong: 30 on one channel",
    ),
    _code(
        "promo-never-true",
        "a promo for what never airs",
        """A promo that promises a program airs only when the schedule makes the promise true. No plan that a
        channel lists plays or pins this program, so the promo never airs.""",
        "Put the program into a plan that a channel lists, or take the promise out.",
        "promotes: { program: cheers, when: tonight }",
    ),
    _code(
        "duplicate-word",
        "a word stands twice in a list",
        "One word of the list stands in it already, and there it could mean nothing more.",
        "Keep one.",
        "relax: [category, copy, category]     # wrong\nplans: [weekday, weekday]              # wrong",
    ),
    # --- simulcasts ---
    _code(
        "simulcast-chain",
        "a simulcast of a simulcast",
        """A simulcast airs what another channel airs, and that one must have plans of its own: not itself,
        and not a simulcast in its turn.""",
        "Name the channel that makes the schedule; add the delays.",
        "channel: plus-two\nsimulcast: plus-one     # wrong, when plus-one is “simulcast: wrtv”",
    ),
    _code(
        "simulcast-own",
        "a simulcast with a schedule of its own",
        """A simulcast takes its plans, grid, breaks, traffic and off-air picture from the channel it repeats.
        What it says of them itself would have no effect.""",
        "Delete the key, or “simulcast”.",
        "simulcast: wrtv\nplans: [weekday]     # wrong",
    ),
    _code(
        "delay-alone",
        "a delay of nothing",
        "delay says how much later a simulcast airs what another channel airs. This channel repeats none.",
        "Add “simulcast: …”, or delete the delay.",
        "simulcast: wrtv\ndelay: 1h",
    ),
    _code(
        "delay-off-grid",
        "a delay that leaves the grid",
        """Programmes start on the grid, those of a delayed channel too: the delay is a whole number of the
        blocks of the channel that it repeats.""",
        "Write a multiple of that grid.",
        "delay: 45m     # wrong on a 30-minute grid\ndelay: 1h      # right",
    ),
    # --- expectations ---
    _code(
        "bad-expectation",
        "an expectation that can't be checked",
        """A line of expect has one of four forms: what airs at a time, what never starts in a part of the
        day, how far apart two airings of a spot are, how full the breaks are. A compile checks them.""",
        "Write it in one of the forms.",
        "fri 20:00 is movie\nnothing TV-MA before 21:00\nno ad twice within 60 min\nfill >= 99.9 %",
    ),
    # --- what a compile finds ---
    _code(
        "uncovered-time",
        "a time that no plan covers",
        """On some days of the range no plan of the channel has a zone at this time, so the off-air picture
        is shown. That is legal, and a warning says so because it is often a plan that was forgotten.""",
        "Add a zone or a plan that covers the time, or let the off-air picture stand.",
        "when: { days: mon-fri }     # and no plan for the weekend",
    ),
    _code(
        "empty-program",
        "a program with nothing to air",
        """No asset that is ready and approved answers the query of the program's episodes. What was
        scheduled is passed over and the zone's other programs fill the time.""",
        "Check the words of the query against the catalog lock; ingest and approve the media.",
        "episodes: { collection: sitcoms, series: Cheer }     # the lock says Cheers",
    ),
    _code(
        "no-such-episode",
        "an entry that begins with an episode that isn't there",
        """No asset that answers the program's queries has the season and episode that “from” names. The
        rotation begins with the one that follows; after the last that is the first again.""",
        "Correct the number, or leave “from” out; ingest and approve the media if they should be there.",
        "play: [{ program: cheers, from: S09E01 }]     # wrong: it has eight seasons\n"
        "play: [{ program: cheers, from: S08E01 }]     # right",
    ),
    _code(
        "no-spots",
        "a pool with nothing in it",
        """No ready and approved asset of a second or more answers the pool's query. Its share of every break
        goes to the other pools, or to the ident.""",
        "Check the query, or ingest the media.",
        "spots: { collection: commercials, tag: xmas }",
    ),
    _code(
        "unfillable-zone",
        "a zone in which nothing fits",
        """On the day that is named, no programme of the zone's list is short enough for the time that is
        there, so the zone stays empty.""",
        "Give it a shorter programme or a longer window, or let it bleed over its end.",
        "window: 12:00-12:30\nplay: [feature-film]    # wrong\nbleed: allow            # right, too",
    ),
    _code(
        "unfilled-block",
        "a block of a zone in which nothing fits",
        """The zone airs something on the days that are named, but in these blocks no programme of its list
        is short enough for what is left of the zone, or may start at that time. The channel shows its
        off-air picture there, which viewers take for a fault.""",
        "Give the list a programme that is short enough, shorten the zone, or let it bleed over its end.",
        "window: 19:00-22:00\nplay: [hour-of-drama, film-of-90m]     # wrong: 30 minutes are left\n"
        "play: [hour-of-drama, film-of-90m, sitcom]     # right",
    ),
    _code(
        "pin-barred",
        "a pin at a time when its program may not start",
        """The program has a watershed (not_before, not_after), or a rule of their collection gave its assets
        dayparts, and the zone pins it to a time outside of them. The watershed holds: the zone's play list
        fills the time.""",
        "Move the pin, or change the program's not_before and not_after, or the rule.",
        'not_before: "21:00"\nat: { "20:00": late-film }     # wrong\nat: { "21:00": late-film }     # right',
    ),
    _code(
        "pin-late",
        "a pin that has to wait",
        """A programme that is on is never cut. One of the zone before may run past its end (bleed: allow), or
        one of the night into the new broadcast day, and what is pinned to that time starts on the next block,
        or not at all when another pin is due by then.""",
        "Forbid the zone before to bleed, give it shorter programmes, or move the pin.",
        "{ zone: Films, window: 19:00-21:00, play: [film], bleed: allow }     # over at 21:40\n"
        '{ zone: News, window: 21:00-22:00, at: { "21:00": news }, … }       # so the news begin at 22:00',
    ),
    _code(
        "simulcast-barred",
        "a programme that a simulcast may not air any more",
        """The simulcast airs later what its source was published with. Since then the asset has retired, or
        its approval was taken back, so the simulcast is off the air in its place.""",
        "Approve the asset again, or bring its file back and run ingest.",
        "simulcast: one\ndelay: 24h     # and the film of yesterday was withdrawn",
    ),
    _code(
        "manual-not-found",
        "an airing whose asset isn't there",
        """A manual program lists an episode, asset or title that no ready and approved asset of the catalog
        lock answers, so nothing airs for that line.""",
        "Check the name against the catalog lock; ingest and approve the media.",
        "airings: [{ on: 2026-12-24, episode: S01E99 }]",
    ),
    _code(
        "manual-unaired",
        "an airing that found no room",
        """A manual program airs exactly what it lists on each date. On this date no zone that plays it had
        room for the line, so it was not aired.""",
        "Pin the program on that date, or give its zone more room.",
        'at: { "20:00": christmas-special }',
    ),
    _code(
        "no-repeat-relaxed",
        "a virtual repeats itself too soon",
        """no_repeat asks that nothing comes again within a time, but fewer assets answer the query than that
        time needs. What aired longest ago comes again, so that the zone isn't empty.""",
        "Widen the query, shorten no_repeat, or air the virtual less often.",
        "rule: { query: { collection: films }, no_repeat: 30d }     # with 12 films, every day",
    ),
    _code(
        "virtual-out-of-range",
        "a virtual that no choice of assets fits",
        """min_total and max_total say how long one go of the virtual lasts. No choice of the assets that
        answer its query is that long, so it airs nothing.""",
        "Give the totals more room, or choose by min_duration and max_duration in the query.",
        "rule: { query: { collection: films }, count: 3, max_total: 2h }     # films of 90 minutes",
    ),
    _code(
        "max-fill",
        "a block with too many interstitials",
        """What is left of a block goes to spots, promos and idents. Here that is more than max_fill allows
        in half an hour: a viewer sees more commercials than programme.""",
        "Choose programmes that fill their blocks, a finer grid, or a higher max_fill.",
        "max_fill: 12m     # the station's default; a zone or channel may have its own",
    ),
    _code(
        "expectation-broken",
        "the schedule doesn't keep what is expected of it",
        """A line of “expect” says what must be true of every compiled day. Where the message says,
        something else airs. Nothing is published: what is on the air stays.""",
        "Change the plan, program or traffic that makes it so, or change what is expected.",
        "expect:\n  - nothing TV-MA before 21:00\n  - no ad twice within 60 min",
    ),
    _code(
        "asset-too-long",
        "an asset that doesn't fit its zone",
        """One asset of a program is longer than the zone's window, so it never airs there. Others of the
        program do.""",
        "Make the zone longer, let it bleed, or leave long assets out of the query.",
        "episodes: { collection: films, max_duration: 2h }",
    ),
)

#: code → its manual, in the order of the chain from file to program.
CODES: dict[str, Code] = {c.code: c for c in _ALL}


def helped(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic with a help line: its own, or what the code's manual says to do."""
    code = CODES.get(diagnostic.code)
    if diagnostic.help or code is None:
        return diagnostic
    return replace(diagnostic, help=code.mend[0].lower() + code.mend[1:].removesuffix("."))


def manual(code: Code) -> str:
    """A code's manual as plain text, wrapped for a terminal."""
    import textwrap

    paragraphs = [
        f"{code.code}: {code.title}",
        textwrap.fill(code.manual, 90),
        textwrap.fill(f"How to mend it: {code.mend}", 90),
        textwrap.indent(code.example, "    "),
    ]
    return "\n\n".join(paragraphs)
