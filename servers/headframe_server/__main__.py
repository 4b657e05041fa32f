"""`python -m headframe_server ROOT`: the command `headframe serve` by itself."""

from headframe_server.command import serve

if __name__ == "__main__":
    serve(prog_name="python -m headframe_server")
