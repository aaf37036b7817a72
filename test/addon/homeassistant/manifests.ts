// What decides how thirty well-known add-ons are reached, as their manifests have it: facts only, by installed slug.
import type { InstalledAddOn } from '../../fakes/supervisor.ts';

const ssl = { ssl: true, certfile: 'fullchain.pem', keyfile: 'privkey.pem' };

/** By the slug each is installed under; a0d7b954 is the community's repository. */
export const addOns: readonly InstalledAddOn[] = [
  {
    slug: 'a0d7b954_nodered',
    manifest: {
      slug: 'nodered',
      name: 'Node-RED',
      ingress: true,
      host_network: true,
      ports: { '80/tcp': 1880 },
      ports_description: { '80/tcp': 'Web interface' },
      options: { ...ssl, theme: 'default', http_node: { username: '', password: '' } },
    },
  },
  {
    slug: '5c53de3b_esphome',
    manifest: {
      slug: 'esphome',
      name: 'ESPHome Device Builder',
      ingress: true,
      host_network: true,
      ports: { '6052/tcp': null },
    },
  },
  {
    slug: '45df7312_zigbee2mqtt',
    manifest: {
      slug: 'zigbee2mqtt',
      name: 'Zigbee2MQTT',
      ingress: true,
      ports: { '8485/tcp': 8485, '8099/tcp': null },
      ports_description: {
        '8485/tcp': 'Socat tcp-listen port',
        '8099/tcp': 'Web interface (Not required for Home Assistant Ingress)',
      },
    },
  },
  {
    slug: 'core_mosquitto',
    manifest: {
      slug: 'mosquitto',
      name: 'Mosquitto broker',
      ports: { '1883/tcp': 1883, '1884/tcp': 1884, '8883/tcp': 8883, '8884/tcp': 8884 },
      options: { require_certificate: false, certfile: 'fullchain.pem', keyfile: 'privkey.pem' },
    },
  },
  {
    slug: 'core_configurator',
    manifest: { slug: 'configurator', name: 'File editor', ingress: true, options: { git: true, dirsfirst: false } },
  },
  {
    slug: 'a0d7b954_vscode',
    manifest: { slug: 'vscode', name: 'Studio Code Server', ingress: true, options: { log_level: 'warning' } },
  },
  { slug: 'core_samba', manifest: { slug: 'samba', name: 'Samba share', host_network: true } },
  {
    slug: 'a0d7b954_ssh',
    manifest: {
      slug: 'ssh',
      name: 'Advanced SSH & Web Terminal',
      ingress: true,
      host_network: true,
      ports: { '22/tcp': 22 },
      ports_description: { '22/tcp': 'SSH server port (make empty to disable)' },
      options: { zsh: true, share_sessions: false },
    },
  },
  {
    slug: 'a0d7b954_grafana',
    manifest: {
      slug: 'grafana',
      name: 'Grafana',
      ingress: true,
      ports: { '80/tcp': null },
      ports_description: { '80/tcp': 'Not required for Ingress' },
      options: ssl,
    },
  },
  {
    slug: 'a0d7b954_influxdb',
    manifest: {
      slug: 'influxdb',
      name: 'InfluxDB',
      ingress: true,
      ports: { '80/tcp': null, '8086/tcp': 8086, '8088/tcp': 8088 },
      ports_description: {
        '80/tcp': 'Web interface (Not required for Ingress)',
        '8086/tcp': 'InfluxDB server',
        '8088/tcp': 'RPC service for backup and restore',
      },
      options: { ...ssl, auth: true, reporting: true },
    },
  },
  {
    slug: 'a0d7b954_adguard',
    manifest: {
      slug: 'adguard',
      name: 'AdGuard Home',
      ingress: true,
      host_network: true,
      ports: { '53/udp': 53, '80/tcp': null },
      ports_description: { '53/udp': 'DNS server port', '80/tcp': 'Web interface (Not required for Ingress)' },
      options: ssl,
    },
    // Opened by its user, and without TLS.
    network: { '80/tcp': 8083 },
    options: { ssl: false },
  },
  {
    slug: 'ccab4aaf_frigate',
    manifest: {
      slug: 'frigate',
      name: 'Frigate',
      ingress: true,
      webui: 'http://[HOST]:[PORT:5000]/',
      ports: {
        '8555/tcp': 8555,
        '8555/udp': 8555,
        '8554/tcp': null,
        '8971/tcp': null,
        '5000/tcp': null,
        '1984/tcp': null,
      },
      ports_description: {
        '8555/tcp': 'WebRTC over tcp',
        '8555/udp': 'WebRTC over udp',
        '8554/tcp': 'RTSP Restream',
        '8971/tcp': 'Authenticated Web interface',
        '5000/tcp': 'Unauthenticated Web interface (Not required for Hass.io Ingress)',
        '1984/tcp': 'go2rtc API',
      },
    },
  },
  {
    slug: 'a0d7b954_bitwarden',
    manifest: {
      slug: 'bitwarden',
      name: 'Vaultwarden (Bitwarden)',
      webui: '[PROTO:ssl]://[HOST]:[PORT:7277]',
      ports: { '7277/tcp': 7277 },
      ports_description: { '7277/tcp': 'Vaultwarden Web interface' },
      options: ssl,
    },
  },
  {
    slug: 'a0d7b954_nginxproxymanager',
    manifest: {
      slug: 'nginxproxymanager',
      name: 'Nginx Proxy Manager',
      webui: 'http://[HOST]:[PORT:81]',
      ports: { '80/tcp': 80, '81/tcp': 81, '443/tcp': 443 },
      ports_description: {
        '80/tcp': 'HTTP Entrance port',
        '81/tcp': 'Proxy management web interface',
        '443/tcp': 'HTTPS/SSL Entrance port',
      },
    },
  },
  { slug: 'core_mariadb', manifest: { slug: 'mariadb', name: 'MariaDB', ports: { '3306/tcp': null } } },
  {
    slug: 'a0d7b954_phpmyadmin',
    manifest: {
      slug: 'phpmyadmin',
      name: 'phpMyAdmin',
      ingress: true,
      ports: { '80/tcp': null },
      ports_description: { '80/tcp': 'Web interface (Not required for Ingress)' },
      options: ssl,
    },
  },
  {
    slug: 'core_matter_server',
    manifest: { slug: 'matter_server', name: 'Matter Server', host_network: true, ports: { '5580/tcp': null } },
  },
  {
    slug: 'd5369777_music_assistant',
    manifest: { slug: 'music_assistant', name: 'Music Assistant', ingress: true, host_network: true },
  },
  { slug: 'core_piper', manifest: { slug: 'piper', name: 'Piper', ports: { '10200/tcp': null } } },
  { slug: 'core_whisper', manifest: { slug: 'whisper', name: 'Whisper', ports: { '10300/tcp': null } } },
  { slug: 'core_openwakeword', manifest: { slug: 'openwakeword', name: 'openWakeWord', ports: { '10400/tcp': null } } },
  { slug: 'core_duckdns', manifest: { slug: 'duckdns', name: 'Duck DNS' } },
  {
    slug: 'a0d7b954_tailscale',
    manifest: { slug: 'tailscale', name: 'Tailscale', ingress: true, host_network: true },
  },
  {
    slug: 'a0d7b954_plex',
    manifest: {
      slug: 'plex',
      name: 'Plex Media Server',
      webui: 'http://[HOST]:[PORT:32400]/web',
      ports: { '3005/tcp': 3005, '8324/tcp': 8324, '32400/tcp': 32400, '32410/udp': 32410, '32469/tcp': 32469 },
      ports_description: { '32400/tcp': 'Plex Media Server Interface' },
    },
  },
  {
    slug: 'db21ed7f_jellyfin',
    manifest: {
      slug: 'jellyfin',
      name: 'Jellyfin NAS',
      ingress: true,
      host_network: true,
      ports: { '1900/udp': null, '7359/udp': null, '8096/tcp': 8096, '8920/tcp': 8920 },
      ports_description: { '8096/tcp': 'web interface', '8920/tcp': 'https web interface (optional)' },
    },
  },
  {
    slug: 'db21ed7f_portainer',
    manifest: {
      slug: 'portainer',
      name: 'Portainer',
      ingress: true,
      ports: { '8000/tcp': null, '9099/tcp': 9000 },
      ports_description: {
        '8000/tcp': 'Edge Agent Api (Enable when managing remote edge agents)',
        '9099/tcp': 'Web UI port',
      },
      options: { ssl: false },
    },
  },
  {
    slug: 'cebe7a76_hassio_google_drive_backup',
    manifest: {
      slug: 'hassio_google_drive_backup',
      name: 'Home Assistant Google Drive Backup',
      ingress: true,
      webui: '[PROTO:use_ssl]://[HOST]:[PORT:1627]/',
      ports: { '1627/tcp': 1627 },
      options: { use_ssl: false },
    },
  },
  {
    slug: 'core_deconz',
    manifest: {
      slug: 'deconz',
      name: 'deCONZ',
      ingress: true,
      ports: { '40850/tcp': null, '5900/tcp': null, '8081/tcp': null },
    },
  },
  {
    slug: 'a0d7b954_zwavejs2mqtt',
    manifest: {
      slug: 'zwavejs2mqtt',
      name: 'Z-Wave JS UI',
      ingress: true,
      ports: { '3000/tcp': 3000 },
      ports_description: { '3000/tcp': 'Z-Wave JS communication' },
    },
  },
  {
    slug: 'a0d7b954_unifi',
    manifest: {
      slug: 'unifi',
      name: 'UniFi Network Application',
      webui: 'https://[HOST]:[PORT:8443]',
      ports: { '3478/udp': 3478, '6789/tcp': 6789, '8080/tcp': 8080, '8443/tcp': 8443, '8843/tcp': 8843 },
      ports_description: { '8443/tcp': 'Used for controller web interface and API' },
    },
  },
];
