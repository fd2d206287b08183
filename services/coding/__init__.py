"""coding: holds a claim before a payer refuses it, and says why in words a biller acts on."""
