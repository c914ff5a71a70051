import { TcpTransport } from '../../src/transport/tcp.ts'
import { UdpTransport } from '../../src/transport/udp.ts'
import { VirtualNetwork } from '../support/virtual-network.ts'
import { describeTransport } from './contract.ts'

for (const path of process.platform === 'linux' ? (['kernel', 'runtime'] as const) : (['runtime'] as const)) {
  describeTransport(() => ({
    name: `UdpTransport (${path})`,
    reliable: false,
    make: (listen, context) => new UdpTransport([listen], context, path),
    begun: (transport) => transport instanceof UdpTransport && transport.paths.every((one) => one === path),
  }))
}

describeTransport(() => ({
  name: 'TcpTransport',
  reliable: true,
  make: (listen, context) => new TcpTransport([listen], context),
}))

for (const name of ['udp', 'tcp'] as const) {
  describeTransport(() => {
    let network: VirtualNetwork | null = null
    return {
      name: `VirtualTransport (${name})`,
      reliable: name !== 'udp',
      make: (listen, { clock }) => {
        network ??= new VirtualNetwork(clock)
        return network.transport(name, [listen])
      },
    }
  })
}
