"""A Modbus TCP server as a controller would be, by pymodbus: coils and holding registers 0 to 99.

Prints its port. Then, for each line on standard input, `coil N`, `register N` or `set N 0|1`, prints the value.
"""

import asyncio
import sys

from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
from pymodbus.server import ModbusTcpServer

COILS, REGISTERS = 1, 3


async def main():
    # The block's first address is one less than the protocol's, as pymodbus counts.
    device = ModbusDeviceContext(
        co=ModbusSequentialDataBlock(1, [0] * 100), hr=ModbusSequentialDataBlock(1, [0] * 100)
    )
    server = ModbusTcpServer(ModbusServerContext(devices=device, single=True), address=("127.0.0.1", 0))
    await server.listen()
    print(server.transport.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        words = line.split()
        kind, number = COILS if words[0] != "register" else REGISTERS, int(words[1])
        if words[0] == "set":
            device.setValues(kind, number, [int(words[2])])
        print(int(device.getValues(kind, number, 1)[0]), flush=True)


asyncio.run(main())
