import re
import signal
import subprocess
import sys

from local_sagemaker import plain_client


def test_serve_local_prints_the_endpoint_and_ends_with_sigterm():
    script = "from sqlprov.local import serve_local; serve_local(0); print('ended')"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            words = re.fullmatch(
                r"export AWS_ENDPOINT_URL=(http://127\.0\.0\.1:\d+) AWS_REGION=us-east-1 "
                r"AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n",
                line,
            )
            assert words is not None
            sm = plain_client(words[1])
            assert len(sm.list_models()["Models"]) == 10
            sm.close()
        finally:
            process.send_signal(signal.SIGTERM)  # or leaving the block would wait for it
        assert process.stdout.read() == "ended\n"
        assert process.wait(timeout=10) == 0
