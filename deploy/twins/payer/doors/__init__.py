"""The twin's doors to the network: SFTP and HTTPS, on loopback. They bring files into mailboxes and
hand answers out; the payer itself only knows folders."""
