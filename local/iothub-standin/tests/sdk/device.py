"""A device on Microsoft's Python SDK: `device.py session` does what a device does with a hub, `certificate` comes in with
one, `provision` asks the provisioning service first, `login` only tries to come in. Each step is told as a JSON line."""

import json
import os
import queue
import sys

from azure.iot.device import X509, IoTHubDeviceClient, Message, MethodResponse, ProvisioningDeviceClient
from azure.iot.device.exceptions import ClientError

PATIENCE = 60  # seconds


def tell(step, **what):
    print(json.dumps({"step": step, **what}), flush=True)


def ca():
    with open(os.environ["CA_FILE"], encoding="ascii") as file:
        return file.read()


def device(**options):
    return IoTHubDeviceClient.create_from_connection_string(
        os.environ["CONNECTION_STRING"], server_verification_cert=ca(), **options
    )


def own_certificate():
    return X509(cert_file=os.environ["CERTIFICATE_FILE"], key_file=os.environ["KEY_FILE"])


def device_with_certificate(hub, device_id):
    return IoTHubDeviceClient.create_from_x509_certificate(
        x509=own_certificate(),
        hostname=hub,
        device_id=device_id,
        gateway_hostname=os.environ["HOST"],
        server_verification_cert=ca(),
    )


def text_message(text, message_id):
    message = Message(text, message_id=message_id, content_encoding="utf-8", content_type="application/json")
    message.custom_properties["line name"] = "line 1/ü+"
    return message


def wait_for(client, states, connected):
    """The handler comes after the change, so that none is missed."""
    while client.connected is not connected:
        states.get(timeout=PATIENCE)


def answer_method(client, calls, step):
    call = calls.get(timeout=PATIENCE)
    client.send_method_response(MethodResponse.create_from_method_request(call, 200, {"seen": call.payload}))
    tell(step, name=call.name, payload=call.payload)


def session():
    client = device(connection_retry_interval=1)
    wishes, calls, messages, states = (queue.Queue() for _ in range(4))
    client.on_connection_state_change = lambda: states.put(None)
    client.connect()
    client.on_twin_desired_properties_patch_received = wishes.put
    client.on_method_request_received = calls.put
    client.on_message_received = messages.put
    tell("connected")

    client.send_message(text_message('{"n": 1}', "report 1"))
    tell("sent")
    tell("twin", twin=client.get_twin())
    client.patch_twin_reported_properties({"threshold": 0.5, "model": {"name": "pcb"}})
    tell("reported")
    tell("desired", patch=wishes.get(timeout=PATIENCE))
    answer_method(client, calls, "method")
    message = messages.get(timeout=PATIENCE)
    tell("message", id=message.message_id, body=message.data.decode(), properties=message.custom_properties)

    client.send_message(text_message('{"n": 2}', "report 2"))
    tell("sent over a cut")
    wait_for(client, states, False)
    tell("lost")
    wait_for(client, states, True)
    client.send_message(text_message('{"n": 3}', "report 3"))
    tell("sent again")
    tell("desired again", patch=wishes.get(timeout=PATIENCE))
    answer_method(client, calls, "method again")
    client.disconnect()
    tell("disconnected", messages_left=messages.qsize())
    client.shutdown()


def certificate():
    client = device_with_certificate(os.environ["HUB"], os.environ["DEVICE"])
    client.send_message(text_message("{}", "first"))
    tell("sent")
    tell("twin", twin=client.get_twin())
    client.shutdown()


def provision():
    key, host = os.environ.get("REGISTRATION_KEY"), os.environ["HOST"]
    service = {
        "provisioning_host": host,
        "registration_id": os.environ["REGISTRATION"],
        "id_scope": os.environ["ID_SCOPE"],
        "server_verification_cert": ca(),
    }
    if key:
        service = ProvisioningDeviceClient.create_from_symmetric_key(symmetric_key=key, **service)
    else:
        service = ProvisioningDeviceClient.create_from_x509_certificate(x509=own_certificate(), **service)
    result = service.register()
    assigned = result.registration_state
    tell("provisioned", status=result.status, hub=assigned.assigned_hub, device=assigned.device_id)
    if key:
        client = IoTHubDeviceClient.create_from_symmetric_key(
            symmetric_key=key,
            hostname=assigned.assigned_hub,
            device_id=assigned.device_id,
            gateway_hostname=host,
            server_verification_cert=ca(),
        )
    else:
        client = device_with_certificate(assigned.assigned_hub, assigned.device_id)
    client.send_message(text_message("{}", "first"))
    tell("sent")
    client.shutdown()


def login():
    client = device(connection_retry=False)
    try:
        client.connect()
        tell("connected")
    except ClientError as error:
        tell("refused", error=type(error).__name__)
    client.shutdown()


{"session": session, "certificate": certificate, "provision": provision, "login": login}[sys.argv[1]]()
