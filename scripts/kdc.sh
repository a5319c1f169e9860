# A private MIT KDC, with nothing of the machine's own Kerberos in it. To be sourced.
# shellcheck shell=bash

export PATH=$PATH:/usr/sbin:/sbin

# write_kdc_configuration DIRECTORY PORT REALM DOMAIN: hosts of the domain (`.localhost`) belong to the realm. What runs from here on
# knows this realm and no other.
write_kdc_configuration() {
    local place=$1 port=$2 realm=$3 domain=$4
    export KRB5_CONFIG=$place/krb5.conf KRB5_KDC_PROFILE=$place/kdc.conf
    cat >"$KRB5_CONFIG" <<END
[libdefaults]
  default_realm = $realm
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  $realm = {
    kdc = 127.0.0.1:$port
  }
[domain_realm]
  $domain = $realm
END
    cat >"$KRB5_KDC_PROFILE" <<END
[kdcdefaults]
  kdc_listen = 127.0.0.1:$port
  kdc_tcp_listen = 127.0.0.1:$port
[realms]
  $realm = {
    database_name = $place/principal
    key_stash_file = $place/stash
    acl_file = $place/kadm5.acl
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }
[logging]
  kdc = FILE:$place/kdc.log
END
    : >"$place/kadm5.acl"
}

# make_kdc_database DIRECTORY REALM HOST USER...: users whose passwords are `alice-pw` and so on, and the host's keys in http.keytab.
make_kdc_database() {
    local place=$1 realm=$2 host=$3
    shift 3
    if [ -f "$place/http.keytab" ]; then return; fi
    kdb5_util create -s -r "$realm" -P "$(openssl rand -hex 16)" >"$place/kdc.setup.log" 2>&1
    {
        for user in "$@"; do echo "addprinc -pw $user-pw $user"; done
        echo "addprinc -randkey HTTP/$host"
        echo "ktadd -k $place/http.keytab HTTP/$host"
        echo quit
    } | kadmin.local >>"$place/kdc.setup.log" 2>&1
    chmod 600 "$place/http.keytab"
}
