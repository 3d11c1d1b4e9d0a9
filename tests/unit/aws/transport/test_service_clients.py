from __future__ import annotations

from sqlprov.aws.transport.clients import Cloud


def test_a_session_has_a_client_of_s3_after_another_services() -> None:
    cloud = Cloud(endpoint_url="http://127.0.0.1:9", credentials=("test", "test"))
    services = ("sts", "s3", "sts", "s3")
    clients = [cloud.get_client(service, "us-east-1", 1.0) for service in services]
    assert [client.meta.service_model.service_name for client in clients] == list(services)
    assert clients[1] is clients[3]
    cloud.close()
