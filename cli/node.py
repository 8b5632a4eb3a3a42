"""The node itself: init, up, down, status, peers, connect, doctor."""

from typing import Annotated, Any

import typer

from p2plearn.errors import UsageError
from p2plearn_cli import events, output
from p2plearn_cli.command import command
from p2plearn_cli.output import paint
from p2plearn_cli.session import Session, key_line, next_step, session

_PANEL = "The node"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for function in (init, up, down, status, peers, connect, doctor):
        command(app, function.__name__, _PANEL)(function)


def init(
    context: typer.Context,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="N", help="What others shall call you.", show_default=False)] = None,
) -> None:
    """Make your keys in this home. Where keys are already, nothing changes."""
    here = session(context)
    answer = here.client.init(name)
    called = f" You are called {answer['name']} here." if answer["name"] else ""
    done = "Welcome! Your keys are made." if answer["created"] else "Your keys are here already; nothing was changed."
    then = "p2plearn up starts a node" if answer["name"] else "p2plearn profile --name NAME says who you are, p2plearn up starts a node"
    here.tell(answer, paint(done, "bold") + called, "Your author key:", key_line(answer["author"]), next_step(then))


def up(
    context: typer.Context,
    *,
    listen: Annotated[
        list[str] | None, typer.Option("--listen", metavar="MULTIADDR", help="Listen here. Repeatable.", show_default=False)
    ] = None,
    connect: Annotated[
        list[str] | None, typer.Option("--connect", metavar="MULTIADDR", help="Connect to this node. Repeatable.", show_default=False)
    ] = None,
    no_mdns: Annotated[bool, typer.Option("--no-mdns", help="Do not look for nodes on this network.")] = False,
    web: Annotated[
        int | None, typer.Option("--web", metavar="PORT", help="The port of the page in your browser.", show_default=False)
    ] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="No page.")] = False,
    lan_only: Annotated[bool, typer.Option("--lan-only", help="Talk to addresses of the local network only.")] = False,
) -> None:
    """Be a node, until Ctrl-C or `p2plearn down`."""
    if web is not None and (no_web or web > 65_535):
        raise UsageError(reason="--web and --no-web exclude each other" if no_web else "A port is at most 65535")
    here = session(context)
    with events.ending_at_once(), events.printer(_event_line(here)) as announce:
        here.client.up(
            listen=list(listen or ()),
            connect=list(connect or ()),
            mdns=not no_mdns,
            lan_only=lan_only,
            web=False if no_web else web,
            announce=announce,
        )


def down(context: typer.Context) -> None:
    """Stop the node that runs for this home."""
    here = session(context)
    answer = here.client.down()
    here.tell(answer, paint("The node is stopped.", "bold") + " What is in it stays here, and can be read and written as before.")


def status(context: typer.Context) -> None:
    """Whether a node is running, and what is here."""
    here = session(context)
    answer = here.call("status")
    running = paint("running", "green", "bold") if answer["running"] else paint("not running", "yellow", "bold")
    lines = [f"The node of {paint(here.client.home.root)} is {running}."]
    if answer["author"]:
        lines += ["You, as an author:", key_line(answer["author"]), "This laptop, as a peer:", key_line(answer["peer"])]
    lines.append(f"Here: {paint(output.plural(answer['records'], 'record'), 'bold')}, fingerprint {clean_or_none(answer['fingerprint'])}")
    if answer["running"]:
        count = answer["peers"] if isinstance(answer["peers"], int) else len(answer["peers"])
        lines += [f"Connected: {paint(output.plural(count, 'peer'), 'bold')}", "Others reach you with p2plearn connect and one of"]
        lines += [key_line(address) for address in answer["addresses"]]
    else:
        lines.append(next_step("p2plearn up starts the node, but reading and writing work without it"))
    here.tell(answer, *lines)


def peers(context: typer.Context) -> None:
    """Who is connected now."""
    here = session(context)
    answer = here.call("peers")
    lines = [line for peer in answer["peers"] for line in _peer_lines(peer)]
    nothing = [
        "Nobody is connected.",
        next_step("p2plearn connect MULTIADDR, with an address that p2plearn status prints on the other laptop"),
    ]
    here.tell(answer, *(lines or nothing))


def connect(
    context: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="MULTIADDR", help="As `p2plearn status` prints it on the other laptop.", show_default=False)
    ],
) -> None:
    """Connect the running node to another one, now and whenever it starts."""
    here = session(context)
    answer = here.call("connect", address=address)
    here.tell(
        answer,
        paint("Connected.", "bold") + " The two nodes now exchange what they have.",
        next_step("p2plearn shows what is new for you, p2plearn feed what is here"),
    )


def doctor(context: typer.Context) -> None:
    """Look for what is wrong with this node, and what to do about it."""
    here = session(context)
    answer = here.call("doctor")
    failed = [check for check in answer["checks"] if not check["ok"]]
    lines = [line for check in answer["checks"] for line in _check_lines(check)]
    here.tell(
        answer, *lines, paint("All is well.", "green") if not failed else paint(output.plural(len(failed), "thing") + " to look at.", "red")
    )
    if failed:
        raise typer.Exit(1)


def _check_lines(check: dict[str, Any]) -> list[str]:
    mark = paint("ok  ", "green") if check["ok"] else paint("FAIL", "red", "bold")
    remedy = [] if check["ok"] else [f"      {paint(check['remedy'])}"]
    return [f"{mark}  {paint(check['name'], 'bold')}: {paint(check['message'])}", *remedy]


def _peer_lines(peer: dict[str, Any]) -> list[str]:
    latency = "" if peer["latency_ms"] is None else f", {peer['latency_ms']:.0f} ms away"
    lines = [
        f"{paint(peer['name'] or 'somebody without a name', 'bold')}, connected {output.ago(peer['since'])}{latency}",
        key_line(peer["peer"]),
    ]
    return [*lines, *([key_line(peer["author"])] if peer["author"] else []), f"  {paint(peer['address'], 'dim')}"]


def _event_line(here: Session) -> events.Writer:
    """What one event of the running node looks like on stdout."""

    def line(event: dict[str, Any]) -> str:
        if here.json:
            return output.to_json(event)
        if event.get("event") != "ready":
            return clean_event(event)
        addresses = [key_line(address) for address in event["addresses"]]
        page = [f"Your page: {paint(event['web'], 'cyan')}"] if event["web"] else []
        head = [paint("Your node is up.", "green", "bold") + " Ctrl-C stops it.", "Others reach you with p2plearn connect and one of"]
        return "\n".join([*head, *addresses, *page])

    return line


def clean_event(event: dict[str, Any]) -> str:
    """An event as one line: its name, then what comes with it."""
    return paint(" ".join([str(event.get("event")), *(f"{key}={value}" for key, value in event.items() if key != "event")]), "dim")


def clean_or_none(value: object) -> str:
    """A value of the node, or a dash."""
    return paint(value) if value else "–"
